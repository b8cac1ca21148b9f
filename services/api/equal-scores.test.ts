import { type Condition, orders, type TextSearch } from '@ordermill/model'
import { firstOrder } from '@ordermill/model/testing'
import { createIndexWriter, createSearcher, type EngineClient } from '@ordermill/search'
import t from 'tap'
import { openEngines } from '../testing-engines.ts'

// Where all hits score alike the engine is not asked for the score. Here it is, all the same.

const { engine, definition } = await openEngines(t)
const names = [
  'RED LANTERN HOLDER',
  'RED RED LANTREN',
  'LANTERN HOLDER SET OF 3 RED',
  'BAG',
  'A BAG OF LANTERN HOLDERS 20CM',
]
const writer = createIndexWriter(engine, definition)
await writer.ensure()
const documents = names.map((product_name, at) => ({ ...firstOrder({ product_name }), change_seq: at + 1 }))
await writer.write(documents)
await writer.refresh?.()

const said: unknown[] = []
const telling = {
  search: async (request: object, options: object) => {
    const answer = await engine.search({ ...request, track_scores: true }, options)
    said.push(...answer.hits.hits.map(({ _score }) => _score))
    return answer
  },
} as unknown as EngineClient
const searcher = createSearcher(telling, orders, definition.alias)

const text = (how: TextSearch, words: string[], more: object = {}): Condition => ({
  kind: 'text',
  field: 'product_name',
  how,
  words,
  slop: 0,
  any: false,
  fuzzy: false,
  ...more,
})
const fuzzy = { fuzzy: true }
const dear: Condition = { kind: 'range', field: 'amount', gte: 0 }
const alike: Record<string, Condition> = {
  'a beginning': text('prefix', ['l']),
  'beginnings of two words': text('prefix', ['lan', 'hol']),
  'a beginning that counts twice': text('prefix', ['lan'], { boost: 2 }),
  'characters within words': text('substring', ['ntern', 'hold']),
  'characters that count half': text('substring', ['antern'], { boost: 0.5 }),
  'a misspelt word': text('shuffle', ['lantrn'], fuzzy),
  'two misspelt words': text('shuffle', ['lantern', 'holdr'], fuzzy),
  'a misspelt number': text('shuffle', ['20cn'], fuzzy),
  'a value that counts': { kind: 'equal', field: 'status', values: ['placed'], boost: 4 },
  'not a word': { kind: 'not', of: text('exact', ['bag']) },
  everything: { kind: 'all', of: [] },
  'all of several': { kind: 'all', of: [text('prefix', ['red']), dear, { kind: 'not', of: text('shuffle', ['set']) }] },
  'any of one': { kind: 'any', of: [text('substring', ['lantern'])] },
}
for (const [name, where] of Object.entries(alike))
  t.test(`${name} scores as the engine would say`, async (t) => {
    said.length = 0
    const { hits } = await searcher.query({ where, sort: [], from: 0, size: 10 })
    t.ok(hits.length > 0, `${hits.length} hits`)
    t.same(
      hits.map(({ score }) => score),
      said,
    )
  })
