/** One kind of widget as the published specification describes it: what the front end must know to draw it. */
export interface Model {
  module: string
  version: string
  /** Name of the class in the front end, e.g. `FloatSliderModel`. */
  model: string
  view: string | null
  viewModule: string | null
  viewVersion: string
  defaults: { [attribute: string]: unknown }
  /** What may stand in each attribute, as `types.ts` reads it. */
  types: { [attribute: string]: string }
  /** Attributes that travel as binary buffers. */
  bytes: readonly string[]
  /** Attributes that are widgets themselves: `layout` -> `Layout`. */
  references: { [attribute: string]: string }
}

/** The part of the state that never changes, under the names of the protocol. */
export function identityOf(model: Model): { [attribute: string]: unknown } {
  return {
    _model_module: model.module,
    _model_module_version: model.version,
    _model_name: model.model,
    _view_count: null,
    _view_module: model.viewModule,
    _view_module_version: model.viewVersion,
    _view_name: model.view,
  }
}

/** Large values that come from one front end alone: the others are not told of them. */
const unechoed: { [kind: string]: readonly string[] | undefined } = { FileUpload: ['value'] }

/** As in Python, the environment can turn echoes off where no page has more than one view of a kernel. */
const echoes = !/^(0|no|false|off)$/i.test(globalThis.process?.env?.['JUPYTER_WIDGETS_ECHO'] ?? '')

/** Whether what a front end changed is told to all of them before the kernel has its say. */
export const isEchoed = (kind: string, name: string): boolean => echoes && !unechoed[kind]?.includes(name)
