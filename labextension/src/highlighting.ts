/** Colours for the names of types in TypeScript cells: JupyterLab's own style leaves them as plain text. */
import type { JupyterFrontEndPlugin } from '@jupyterlab/application'
import { EditorExtensionRegistry, IEditorExtensionRegistry } from '@jupyterlab/codemirror'
import { HighlightStyle, syntaxHighlighting } from '@codemirror/language'
import { Compartment } from '@codemirror/state'
import { ViewPlugin } from '@codemirror/view'
import { tags } from '@lezer/highlight'

const style = syntaxHighlighting(
  HighlightStyle.define([
    { tag: tags.typeName, color: 'var(--jp-mirror-editor-builtin-color)' },
    { tag: tags.definition(tags.typeName), color: 'var(--jp-mirror-editor-def-color)' },
    { tag: tags.className, color: 'var(--jp-mirror-editor-def-color)' },
  ]),
)

export const highlighting: JupyterFrontEndPlugin<void> = {
  id: 'gradbook:highlighting',
  description: 'Colours the names of types in TypeScript cells.',
  autoStart: true,
  requires: [IEditorExtensionRegistry],
  activate: (_app, extensions: IEditorExtensionRegistry) => {
    extensions.addExtension({
      name: 'gradbook:highlighting',
      factory: ({ model }) => {
        const place = new Compartment()
        const chosen = () => (/typescript/.test(model.mimeType) ? style : [])
        // A cell learns its language when the kernel answers, after its editor was made.
        const follow = ViewPlugin.define((view) => {
          const onChange = () => view.dispatch({ effects: place.reconfigure(chosen()) })
          model.mimeTypeChanged.connect(onChange)
          return { destroy: () => void model.mimeTypeChanged.disconnect(onChange) }
        })
        return EditorExtensionRegistry.createImmutableExtension([place.of(chosen()), follow])
      },
    })
  },
}
