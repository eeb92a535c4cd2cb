/** What the type checker knows of a run by what it was made of: its metrics, its parameters, the columns of its history. */
import type * as tf from '@tensorflow/tfjs'
import type { Metric } from '../loss/metrics.js'
import type { MetricFunction, MetricGiven } from '../rules/options.js'
import type { ParameterTree } from '../model/own.js'

/** A tf.LayersModel by what tells it apart. The whole of it has a `loss` too, which would hide the type of an own one. */
export type LayersModelLike = Pick<tf.LayersModel, 'layers' | 'inputs' | 'outputs'>

/**
 * Metrics as `train` takes them, for the checker to find their names. The name of a function is any for it (`name: string`,
 * which it has as a metric has), and so is that of an array made elsewhere (`string[]`).
 */
export interface MetricsNamed<
  Names extends string,
  Outputs extends string = never,
  OfOutputs extends string = never,
> {
  metrics?:
    | readonly (Names | Metric<Names> | MetricFunction)[]
    | readonly (readonly MetricGiven[])[]
    | { readonly [output in Outputs]: OfOutput<OfOutputs> | readonly OfOutput<OfOutputs>[] }
}

type OfOutput<Names extends string> = Names | Metric | MetricFunction

/** What a row of evaluations has: the metrics, or of each output its metrics and its loss. */
export type MetricsOf<Names extends string, Outputs extends string, OfOutputs extends string> = [
  Names,
] extends [never]
  ? [Outputs] extends [never]
    ? never
    : `${Outputs}_${OfOutputs | 'loss'}`
  : Names

/** Names of the parameters of a model; of a tf.LayersModel they are told by its layers, when it runs. */
export type ParameterName<Model> = unknown extends Model
  ? string
  : Model extends LayersModelLike
    ? string
    : Model extends { readonly parameters: infer Tree }
      ? PlaceIn<Tree>
      : string

/** The places of the variables in a tree, as `flattenParameters` names them. */
type PlaceIn<Tree, Path extends string = ''> = [ParameterTree] extends [Tree]
  ? Below<Path>
  : Tree extends tf.Variable
    ? Path extends ''
      ? 'parameter'
      : Path
    : Tree extends LayersModelLike | tf.layers.Layer
      ? Below<Path>
      : Tree extends readonly (infer Child)[]
        ? PlaceIn<Child, Join<Path, `${number}`>>
        : { [Name in keyof Tree & string]: PlaceIn<Tree[Name], Join<Path, Name>> }[keyof Tree & string]

type Join<Path extends string, Name extends string> = Path extends '' ? Name : `${Path}/${Name}`
type Below<Path extends string> = Path extends '' ? string : `${Path}/${string}`

/** Columns of the history beside those that every run has. */
export type MoreColumns<Model> = unknown extends Model
  ? string
  : Model extends LayersModelLike
    ? `${string}_loss`
    : Model extends { iteration(...given: never[]): infer Values }
      ? Exclude<keyof Awaited<Values> & string, 'loss'> | `learningRate_${OptimizerName<Model>}`
      : Model extends { loss(...given: never[]): infer Loss }
        ? Loss extends { readonly dataId: object }
          ? never
          : Exclude<keyof Loss & string, 'loss' | 'perExample' | 'predictions'>
        : never

/** Columns of evaluations that a model's `evaluated` gives, by names that are known when it runs. */
export type AskedColumns<Model> = unknown extends Model
  ? unknown
  : Model extends { evaluated(...given: never[]): Promise<infer Said> }
    ? Exclude<Said, void | undefined> extends { readonly columns?: infer Columns }
      ? Exclude<Columns, undefined>
      : unknown
    : unknown

/** Names of the optimizers of an own iteration. */
export type OptimizerName<Model> = unknown extends Model
  ? string
  : Model extends { readonly optimizers: infer Optimizers }
    ? keyof Optimizers & string
    : never

/** The learning rate as a run has it: of several optimizers one each. */
export type RateOf<Model> =
  string extends OptimizerName<Model>
    ? number | Rates<string>
    : IsOne<OptimizerName<Model>> extends true
      ? number
      : Rates<OptimizerName<Model>>

type Rates<Optimizers extends string> = { readonly [optimizer in Optimizers]: number }

/** Whether a union has one member, or none. */
type IsOne<Name, All = Name> = [Name] extends [never]
  ? true
  : (Name extends unknown ? ([All] extends [Name] ? true : false) : never) extends true
    ? true
    : false
