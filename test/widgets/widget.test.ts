import { beforeEach, describe, expect, test } from 'vitest'
import * as widgets from '../../src/widgets/index.js'
import { fakeNotebook } from './fake.js'

let notebook: ReturnType<typeof fakeNotebook>
beforeEach(() => {
  notebook = fakeNotebook()
})
const displaySymbol = Symbol.for('Jupyter.display')
const bundleOf = (widget: any) => widget[displaySymbol]()

describe('opening', () => {
  test('a widget opens a comm whose state names its model and holds the defaults of the specification', () => {
    const slider = widgets.FloatSlider({ value: 3 })
    const comm = notebook.commOf(slider)
    expect(comm.target).toBe('jupyter.widget')
    expect(comm.metadata).toEqual({ version: '2.1.0' })
    expect(comm.opened.state).toMatchObject({
      _model_module: '@jupyter-widgets/controls',
      _model_name: 'FloatSliderModel',
      _view_name: 'FloatSliderView',
      value: 3,
      max: 100,
      step: 0.1,
      continuous_update: true,
    })
  })

  test('a layout given as an object becomes a widget of its own, referred to by its id', () => {
    const slider = widgets.IntSlider({ layout: { width: '20em' } })
    const layout = notebook.comms[0]!
    expect(layout.opened.state).toMatchObject({ _model_name: 'LayoutModel', width: '20em' })
    expect(notebook.commOf(slider).opened.state.layout).toBe(`IPY_MODEL_${layout.id}`)
  })

  test('boxes hold their children by reference, tabs with titles', () => {
    const [a, b] = [widgets.Label({ value: 'a' }), widgets.Label({ value: 'b' })]
    const tab = widgets.Tab({ first: a, second: b })
    expect(notebook.commOf(tab).opened.state).toMatchObject({
      children: [`IPY_MODEL_${a.id}`, `IPY_MODEL_${b.id}`],
      titles: ['first', 'second'],
      selected_index: 0,
    })
  })

  test('bytes travel as buffers with their path, not in the state', () => {
    const image = widgets.Image({ value: new Uint8Array([1, 2, 3]), format: 'png' })
    const comm = notebook.commOf(image)
    expect(comm.opened.buffer_paths).toEqual([['value']])
    expect('value' in comm.opened.state).toBe(false)
    expect(comm.openBuffers).toEqual([new Uint8Array([1, 2, 3])])
  })

  test('an attribute that the specification does not have is refused with those it has', () => {
    expect(() => widgets.FloatSlider({ vlaue: 1 } as any)).toThrow(/'vlaue'.*value/s)
  })
})

describe('attributes that are widgets', () => {
  test('are there from the start, told of before the widget, and can be changed later', () => {
    const slider = widgets.FloatSlider()
    const { opened } = notebook.commOf(slider)
    expect([opened.state.layout, opened.state.style]).toEqual([
      `IPY_MODEL_${slider.layout.id}`,
      `IPY_MODEL_${slider.style.id}`,
    ])
    expect(notebook.comms.findIndex(({ id }) => id === slider.layout.id)).toBeLessThan(
      notebook.comms.findIndex(({ id }) => id === slider.id),
    )
    slider.layout.width = '50%'
    expect(notebook.commOf(slider.layout).sent.at(-1)!.data.state).toEqual({ width: '50%' })
  })

  test('can be shared, and replaced by their own attributes', () => {
    const layout = widgets.Layout({ width: '9em' })
    const [a, b] = [widgets.Text({ layout }), widgets.Label({ layout })]
    expect(a.layout.id).toBe(b.layout.id)
    a.layout = { height: '2em' }
    expect([a.layout.height, b.layout.width]).toEqual(['2em', '9em'])
  })
})

describe('values that do not fit', () => {
  test.each([
    [
      () => widgets.FloatSlider({ value: 'x' as never }),
      /FloatSlider.value: received "x". Expected a number/,
    ],
    [() => widgets.IntSlider({ value: 1.5 }), /received 1.5. Expected a whole number/],
    [() => widgets.FloatText({ value: NaN }), /received NaN. Expected a number/],
    [() => widgets.HBox(['x' as never]), /Expected a list, each a widget/],
    [() => widgets.FloatSlider({ orientation: 'up' as never }), /Expected "horizontal" or "vertical"/],
    [() => widgets.FloatSlider({ min: 5, max: 1 }), /min 5 and max 1/],
    [() => widgets.IntRangeSlider({ value: [9, 1] }), /received \[9,1\]. Expected \[lower, upper\]/],
    [() => widgets.Tab([widgets.Label()], { selected_index: 3 }), /selected_index: received 3/],
  ])('are refused in code: %s', (make, message) => {
    expect(make).toThrow(message)
  })

  test.each([
    [() => widgets.FloatSlider({ value: 1 }), { value: 'x' }, { value: 1 }, /Expected a number/],
    [() => widgets.Dropdown({ options: ['a', 'b'] }), { index: 9 }, { index: 0 }, /a place from 0 to 1/],
    [() => widgets.Checkbox(), { value: 1 }, { value: false }, /true or false/],
  ])('from a front end are not taken, and it is told what stands: %s', (make, sent, stands, message) => {
    const widget = make() as widgets.Widget
    const seen: unknown[] = []
    widget.observe((change) => seen.push(change))
    const comm = notebook.commOf(widget)
    expect(() => comm.receive({ method: 'update', state: sent })).toThrow(message)
    expect(comm.sent.map(({ data }) => [data.method, data.state])).toEqual([
      ['echo_update', sent],
      ['update', stands],
    ])
    expect(seen).toEqual([])
  })

  test('that lie outside the bounds are brought back, here and in the front end', () => {
    const slider = widgets.FloatSlider({ max: 10 })
    const comm = notebook.commOf(slider)
    comm.receive({ method: 'update', state: { value: 500 } })
    expect(slider.value).toBe(10)
    expect(comm.sent.at(-1)!.data).toMatchObject({ method: 'update', state: { value: 10 } })
  })

  test('a message that no widget knows is named', () => {
    const comm = notebook.commOf(widgets.Label())
    expect(() => comm.receive({ method: 'frob' })).toThrow(/received the method "frob"/)
    expect(() => comm.receive(null)).toThrow(/received the method undefined/)
  })
})

describe('state', () => {
  test('setting a property tells the front ends once and listeners with old and new value', () => {
    const slider = widgets.FloatSlider({ value: 1 })
    const seen: unknown[] = []
    slider.observe(({ name, old, value }) => seen.push([name, old, value]))
    slider.value = 5
    slider.value = 5
    expect(seen).toEqual([['value', 1, 5]])
    expect(notebook.commOf(slider).sent.map(({ data }) => data)).toEqual([
      { method: 'update', state: { value: 5 }, buffer_paths: [] },
    ])
  })

  test('values stay within the bounds, of log sliders as powers of the base', () => {
    expect(widgets.FloatSlider({ value: 500, max: 10 }).value).toBe(10)
    expect(widgets.FloatLogSlider({ value: 1e-9, min: -6, max: 0 }).value).toBe(1e-6)
    const slider = widgets.IntSlider({ value: 50 })
    slider.max = 20
    expect(slider.value).toBe(20)
  })

  test('what a front end sends is echoed to all of them before listeners answer', () => {
    const slider = widgets.FloatSlider({ value: 1 })
    const comm = notebook.commOf(slider)
    slider.observe(() => slider.set({ description: 'moved' }))
    comm.receive({ method: 'update', state: { value: 7 }, buffer_paths: [] })
    expect(slider.value).toBe(7)
    expect(comm.sent.map(({ data }) => [data.method, data.state])).toEqual([
      ['echo_update', { value: 7 }],
      ['update', { description: 'moved' }],
    ])
  })

  test('a state request is answered with the whole state', () => {
    const text = widgets.Text({ value: 'x' })
    const comm = notebook.commOf(text)
    text.value = 'y'
    comm.receive({ method: 'request_state' })
    expect(comm.sent.at(-1)!.data).toMatchObject({
      method: 'update',
      state: { value: 'y', _model_name: 'TextModel' },
    })
  })

  test('one request on the control target gets the states of all widgets, with their buffers', () => {
    const image = widgets.Image({ value: new Uint8Array([9]) })
    const slider = widgets.FloatSlider({ value: 2 })
    const gone = widgets.Label()
    gone.close()
    const control = notebook.openFromFrontEnd('jupyter.widget.control')
    control.receive({ method: 'request_states' })
    const { data, buffers } = control.sent[0]!
    expect(data.method).toBe('update_states')
    expect(data.states[slider.id]).toMatchObject({ model_name: 'FloatSliderModel', state: { value: 2 } })
    expect(gone.id in data.states && notebook.commOf(gone).closed).toBe(false)
    expect(buffers[data.buffer_paths.findIndex(([id]: string[]) => id === image.id)]).toEqual(
      new Uint8Array([9]),
    )
  })

  test('bytes from a front end are put in their place, and uploads are not sent back', () => {
    const upload = widgets.FileUpload()
    const comm = notebook.commOf(upload)
    comm.receive(
      { method: 'update', state: { value: [{ name: 'a.txt' }] }, buffer_paths: [['value', 0, 'content']] },
      [new Uint8Array([65])],
    )
    expect(upload.value).toEqual([{ name: 'a.txt', content: new Uint8Array([65]) }])
    expect(comm.sent).toEqual([])
  })

  test('one listener that throws keeps neither the others nor the state back', () => {
    const slider = widgets.FloatSlider()
    const seen: number[] = []
    slider.observe(() => {
      throw new Error('mine')
    })
    slider.observe(({ value }) => seen.push(value))
    expect(() => slider.set({ value: 4 })).toThrow('mine')
    expect(seen).toEqual([4])
  })

  test('a widget that a front end makes is taken in, and one of unknown kind is closed', () => {
    const slider = widgets.IntSlider()
    const state = {
      _model_name: 'DirectionalLinkModel',
      source: [`IPY_MODEL_${slider.id}`, 'value'],
      target: [],
    }
    const comm = notebook.openFromFrontEnd('jupyter.widget', { state, buffer_paths: [] })
    comm.receive({ method: 'request_state' })
    expect(comm.sent[0]!.data.state.source).toEqual([`IPY_MODEL_${slider.id}`, 'value'])
    const unknown = notebook.openFromFrontEnd('jupyter.widget', {
      state: { _model_name: 'ConstructorModel' },
    })
    expect(unknown.closed).toBe(true)
  })
})

describe('kinds', () => {
  test('a button calls its listeners at each click', () => {
    let clicks = 0
    const button = widgets.Button({ description: 'Step' }).onClick(() => clicks++)
    notebook.commOf(button).receive({ method: 'custom', content: { event: 'click' } })
    notebook.commOf(button).receive({ method: 'custom', content: { event: 'other' } })
    expect(clicks).toBe(1)
  })

  test('Enter in a text field hands its text over', () => {
    const texts: string[] = []
    const text = widgets.Text().onSubmit((value) => texts.push(value))
    notebook.commOf(text).receive({ method: 'update', state: { value: 'hello' } })
    notebook.commOf(text).receive({ method: 'custom', content: { event: 'submit' } })
    expect(texts).toEqual(['hello'])
  })

  test('a dropdown sends labels and an index, and gives values', () => {
    const rate = widgets.Dropdown({ options: { slow: 1e-4, quick: 1e-2 }, value: 1e-2 })
    const comm = notebook.commOf(rate)
    expect(comm.opened.state._options_labels).toEqual(['slow', 'quick'])
    expect([rate.value, rate.label]).toEqual([1e-2, 'quick'])
    const seen: unknown[] = []
    rate.observe(({ old, value }) => seen.push([old, value]))
    comm.receive({ method: 'update', state: { index: 0 } })
    expect(seen).toEqual([[1e-2, 1e-4]])
    expect(() => (rate.value = 3)).toThrow(/received the value 3/)
    rate.options = [1, 2, 1e-4]
    expect(rate.value).toBe(1e-4)
  })

  test('several options can be chosen at once', () => {
    const many = widgets.SelectMultiple({ options: ['a', 'b', 'c'], value: ['a', 'c'] })
    expect(many.value).toEqual(['a', 'c'])
    notebook.commOf(many).receive({ method: 'update', state: { index: [1] } })
    expect(many.value).toEqual(['b'])
  })

  test('an output keeps what is written and shown', () => {
    const output = widgets.Output()
    output.write('one\n').show({ [displaySymbol]: () => ({ 'text/html': '<b>x</b>' }) })
    expect(output.outputs).toEqual([
      { output_type: 'stream', name: 'stdout', text: 'one\n' },
      { output_type: 'display_data', data: { 'text/html': '<b>x</b>' }, metadata: {} },
    ])
  })

  test('a picture in an output is stored as text', () => {
    const png = new Uint8Array([0x89, 0x50, 0x4e, 0x47, 0x0d, 0x0a, 0x1a, 0x0a])
    const [shown] = widgets.Output().show(png).outputs as any[]
    expect(shown.data['image/png']).toBe('iVBORw0KGgo=')
  })

  test('links hold two attributes equal, in both directions or one, until they are taken away', () => {
    const [a, b] = [widgets.FloatSlider({ value: 1 }), widgets.FloatText({ value: 2 })]
    const link = widgets.link([a, 'value'], [b, 'value'])
    expect(b.value).toBe(1)
    b.value = 8
    expect(a.value).toBe(8)
    link.unlink()
    a.value = 3
    expect(b.value).toBe(8)
    const inPage = widgets.jsLink([a, 'value'], [b, 'value'])
    expect(notebook.comms.at(-1)!.opened.state).toMatchObject({
      _model_name: 'LinkModel',
      source: [`IPY_MODEL_${a.id}`, 'value'],
    })
    inPage.unlink()
    expect(notebook.comms.at(-1)!.closed).toBe(true)
  })
})

describe('without a widget manager', () => {
  test('a page shows names and values instead of an empty box', () => {
    const box = widgets.VBox([
      widgets.FloatLogSlider({ description: 'rate', value: 0.01, min: -4 }),
      widgets.Dropdown({ description: 'optimizer', options: ['adam', 'sgd'] }),
      widgets.Password({ description: 'key', value: 'secret' }),
    ])
    expect(bundleOf(box)).toMatchObject({
      'application/vnd.jupyter.widget-view+json': { model_id: box.id, version_major: 2 },
      'text/plain': 'rate: 0.01\noptimizer: adam\nkey',
    })
    expect(bundleOf(box)['text/html']).toContain('rate: <b>0.01</b>')
  })

  test('a widget that was closed is shown as what it was, with no view of it', () => {
    const slider = widgets.FloatSlider({ description: 'rate', value: 2 })
    slider.close()
    expect(bundleOf(slider)).toEqual({ 'text/html': '<div>rate: <b>2</b></div>', 'text/plain': 'rate: 2' })
  })

  test('an output is shown as the text in it', () => {
    expect(bundleOf(widgets.Output().write('one\n').show(2))['text/plain']).toBe('one\n\n2')
  })

  test('HTML is shown as the text that a reader of it would see', () => {
    const html = widgets.HTML({ value: `<b>loss</b> &lt; 0.1 &amp; ${widgets.escapeHtml("it's <i>")}` })
    expect(bundleOf(html)['text/plain']).toBe("loss < 0.1 & it's <i>")
  })

  test('what came from data is escaped', () => {
    const hostile = '<img src=x onerror=alert(1)>'
    const html = bundleOf(widgets.Text({ description: hostile, value: '"</script>' }))['text/html']
    expect(html).not.toMatch(/<img|<\/script/)
  })
})

describe('interact', () => {
  test('calls the function with the values of its controls, and again in place when one is touched', async () => {
    await widgets.interact(({ x, name }) => `${name}: ${x * 2}`, { x: 5, name: ['a', 'b'] })
    const slider = notebook.comms.find((comm) => comm.opened.state._model_name === 'IntSliderModel')!
    expect(slider.opened.state).toMatchObject({ min: -5, max: 15, value: 5, description: 'x' })
    slider.receive({ method: 'update', state: { value: 7 } })
    await new Promise((resolve) => setImmediate(resolve))
    expect(notebook.shown[1]).toEqual(['a: 10', 'a: 14'])
  })

  test('options can be given by label', async () => {
    await widgets.interact(({ rate }) => rate, { rate: { slow: 1e-4, quick: 1e-2 } })
    const { opened } = notebook.comms.find((comm) => comm.opened.state._model_name === 'DropdownModel')!
    expect(opened.state._options_labels).toEqual(['slow', 'quick'])
    expect(notebook.shown[1]).toEqual([1e-4])
  })

  test('touches during a slow call lead to one more call, with the newest values', async () => {
    const calls: number[] = []
    let release = () => {}
    const slider = widgets.FloatSlider({ value: 0 })
    const first = widgets.interact(
      async ({ x }) => {
        calls.push(x)
        await new Promise<void>((resolve) => (release = resolve))
      },
      { x: slider },
    )
    for (const value of [1, 2, 3]) slider.value = value
    release()
    await new Promise((resolve) => setImmediate(resolve))
    release()
    await first
    expect(calls).toEqual([0, 3])
  })
})
