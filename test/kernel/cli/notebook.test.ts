import { describe, expect, it } from 'vitest'
import { formatIpynb, parseIpynb } from '../../../kernel/cli/notebook/ipynb.js'
import type { Notebook } from '../../../kernel/cli/notebook/notebook.js'
import { parseAssignment, withParameters } from '../../../kernel/cli/notebook/parameters.js'
import { parsePercent } from '../../../kernel/cli/notebook/percent.js'

describe('a file with `// %%` between its cells', () => {
  it('becomes code cells and text cells, with tags and titles', () => {
    const { cells } = parsePercent(
      '// %% [markdown]\n// # Title\n//\n// text\n\n// %% tags=["parameters"]\nconst a = 1\n\n// %% Load the data\nconst b = 2\n',
      'a.ts',
    )
    expect(cells.map(({ cell_type, source, metadata }) => [cell_type, source, metadata])).toEqual([
      ['markdown', '# Title\n\ntext', {}],
      ['code', 'const a = 1', { tags: ['parameters'] }],
      ['code', 'const b = 2', { title: 'Load the data' }],
    ])
  })

  it('is one cell without any marker, and keeps what stands above the first', () => {
    expect(parsePercent('const a = 1\n', 'a.ts').cells).toHaveLength(1)
    expect(parsePercent('import x\n// %%\nconst a = 1', 'a.ts').cells.map(({ source }) => source)).toEqual([
      'import x',
      'const a = 1',
    ])
  })

  it('does not take the header that jupytext writes for a cell', () => {
    const text = '// ---\n// jupyter:\n//   kernelspec:\n//     name: gradbook\n// ---\n\n// %%\n1 + 1\n'
    expect(parsePercent(text, 'a.ts').cells.map(({ source }) => source)).toEqual(['1 + 1'])
  })

  it('takes `%npm` lines out of the comments that jupytext puts them into, at the head of a cell only', () => {
    const text = '// %%\n// %npm install left-pad\nimport a from "left-pad"\n// %npm install other\n'
    expect(parsePercent(text, 'a.ts').cells[0]!.source).toBe(
      '%npm install left-pad\nimport a from "left-pad"\n// %npm install other',
    )
  })

  it('says which line has metadata that cannot be read', () => {
    expect(() => parsePercent('const a = 1\n// %% tags=[parameters]\n', 'a.ts')).toThrow(
      'a.ts, line 2: received tags=[parameters]. Expected JSON after the equals sign.',
    )
  })
})

describe('a notebook file', () => {
  const code = { cell_type: 'code', metadata: {}, execution_count: null, outputs: [], source: ['1\n', '2'] }

  it('of an older nbformat 4 gets the cell ids that 4.5 asks for', () => {
    const notebook = parseIpynb(
      JSON.stringify({ nbformat: 4, nbformat_minor: 2, metadata: {}, cells: [code, code] }),
      'a.ipynb',
    )
    expect(notebook.cells[0]!.source).toBe('1\n2')
    const written = JSON.parse(formatIpynb(notebook))
    expect(written.nbformat_minor).toBe(5)
    expect(written.cells[0].source).toEqual(['1\n', '2'])
    expect(new Set(written.cells.map(({ id }: { id: string }) => id)).size).toBe(2)
  })

  it('keeps pictures, JSON, streams and errors as they were when it is read and written', () => {
    const outputs = [
      { name: 'stdout', output_type: 'stream', text: ['a\n', 'b'] },
      {
        data: { 'application/json': ['a', 1], 'image/png': 'iVBO', 'text/plain': ['x\n', 'y'] },
        metadata: { width: 3 },
        output_type: 'display_data',
      },
      { ename: 'E', evalue: 'v', output_type: 'error', traceback: ['t'] },
    ]
    const text = JSON.stringify({
      nbformat: 4,
      nbformat_minor: 5,
      metadata: { z: 1 },
      cells: [{ ...code, id: 'one', outputs }],
    })
    expect(JSON.parse(formatIpynb(parseIpynb(text, 'a.ipynb')))).toEqual(JSON.parse(text))
  })

  it.each([
    ['', 'an empty file'],
    ['{"cells": [', 'text that is not JSON'],
    ['[]', 'an object with `cells`'],
    ['{"nbformat": 3, "worksheets": []}', 'nbformat 3'],
    ['{"nbformat": 4, "cells": {}}', 'a list of cells'],
    ['{"nbformat": 4, "cells": [{"cell_type": "heading"}]}', "cell 1: cell_type 'heading'"],
  ])('that is corrupt is refused with what was found: %s', (text, message) => {
    expect(() => parseIpynb(text, 'a.ipynb')).toThrow(message)
  })
})

describe('-p name=value', () => {
  const notebook = (source: string): Notebook => ({
    metadata: {},
    cells: [
      {
        cell_type: 'code',
        id: 'a',
        metadata: { tags: ['parameters'] },
        source,
        execution_count: null,
        outputs: [],
      },
    ],
  })
  const withValues = (source: string, ...pairs: string[]): string =>
    withParameters(notebook(source), new Map(pairs.map(parseAssignment))).cells[0]!.source

  it('replaces the value and nothing else, whatever stands around it', () => {
    expect(
      withValues(
        '// learningRate = 3\nconst ü = "𝒳", learningRate: number = 1e-3 // rate\nlet n = -1',
        'learningRate=0.01',
        'n=5',
      ),
    ).toBe('// learningRate = 3\nconst ü = "𝒳", learningRate: number = 0.01 // rate\nlet n = 5')
  })

  it('gives the value the type that it has in the notebook', () => {
    const source = "const a = 1, b = true, c = 'x', d = [1], e = cosine(), f = `t`"
    expect(withValues(source, 'a=2', 'b=false', 'c=12', 'd=[2, 3]', 'e=null', 'f=a"b')).toBe(
      'const a = 2, b = false, c = "12", d = [2,3], e = null, f = "a\\"b"',
    )
  })

  it('keeps a value with an equals sign in it', () => {
    expect(withValues("const q = ''", 'q=a=b')).toBe('const q = "a=b"')
  })

  it.each([
    ['const a = 1', 'a=fast', "-p a: received 'fast'. Expected a number."],
    ['const a = true', 'a=1', "-p a: received '1'. Expected true or false."],
    ['const a = 1, b = 2', 'c=1', "received the name 'c'. Expected one of a, b."],
    ['const a = 1', 'a', 'Expected name=value.'],
  ])('is refused where it does not fit: %s with %s', (source, pair, message) => {
    expect(() => withValues(source, pair)).toThrow(message)
  })

  it('tells how to tag a cell when no cell has parameters', () => {
    const plain = notebook('const a = 1')
    plain.cells[0]!.metadata = {}
    expect(() => withParameters(plain, new Map([['a', '1']]))).toThrow('// %% tags=["parameters"]')
  })

  it('leaves the notebook that was read as it was', () => {
    const before = notebook('const a = 1')
    withParameters(before, new Map([['a', '2']]))
    expect(before.cells[0]!.source).toBe('const a = 1')
  })
})
