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
    _view_module: model.viewModule,
    _view_module_version: model.viewVersion,
    _view_name: model.view,
  }
}
