import { randomUUID } from 'node:crypto'
import { environment } from '@ordermill/config'
import t from 'tap'

const { ELASTICSEARCH_URL: url } = environment()

const definition = {
  settings: {
    'index.max_ngram_diff': 2,
    number_of_replicas: 0,
    analysis: {
      filter: {
        starts: { type: 'edge_ngram', min_gram: 2, max_gram: 4 },
        pieces: { type: 'ngram', min_gram: 3, max_gram: 3 },
        folded: { type: 'asciifolding', preserve_original: true },
      },
      tokenizer: {
        pieces: { type: 'ngram', min_gram: 3, max_gram: 3, token_chars: ['letter', 'digit'] },
        starts: { type: 'edge_ngram', min_gram: 1, max_gram: 3, token_chars: ['letter'] },
      },
      normalizer: { plain: { type: 'custom', filter: ['lowercase', 'asciifolding'] } },
      analyzer: {
        prefix: { type: 'custom', tokenizer: 'standard', filter: ['lowercase', 'asciifolding', 'starts'] },
      },
    },
  },
  mappings: { properties: { name: { type: 'keyword', normalizer: 'plain' } } },
}

t.test(
  'the engine has the analysis components of a full one',
  { skip: url ? false : 'no Elasticsearch' },
  async (t) => {
    const index = `analysis-${randomUUID()}`
    const call = async (path: string, method: string, body?: unknown) => {
      const headers = { 'content-type': 'application/json' }
      const answer = await fetch(`${url}/${index}${path}`, {
        method,
        headers,
        ...(body ? { body: JSON.stringify(body) } : {}),
      })
      return {
        status: answer.status,
        body: (await answer.json()) as { tokens?: { token: string; position: number }[] },
      }
    }
    const tokens = async (what: object) =>
      (await call('/_analyze', 'POST', what)).body.tokens?.map(({ token }) => token)
    t.equal((await call('', 'PUT', definition)).status, 200)
    t.teardown(() => call('', 'DELETE'))

    t.same(await tokens({ analyzer: 'prefix', text: 'Café' }), ['ca', 'caf', 'cafe'])
    t.same(await tokens({ tokenizer: 'pieces', text: 'RED-42x' }), ['RED', '42x'])
    t.same(await tokens({ tokenizer: 'starts', text: 'Ab 1' }), ['A', 'Ab'])
    t.same(await tokens({ tokenizer: 'keyword', filter: ['pieces'], text: 'abcd' }), ['abc', 'bcd'])
    t.same(await tokens({ tokenizer: 'keyword', filter: ['folded'], text: 'é' }), ['e', 'é'])
    t.same(await tokens({ normalizer: 'plain', text: 'ÉTÉ' }), ['ete'])

    const grams = (await call('/_analyze', 'POST', { tokenizer: 'pieces', text: 'abcd' })).body.tokens
    t.same(
      grams?.map(({ position }) => position),
      [0, 1],
      'the tokenizer gives each gram a position of its own',
    )
    const tooWide = { settings: { analysis: { tokenizer: { wide: { type: 'ngram', min_gram: 1, max_gram: 9 } } } } }
    const refused = await fetch(`${url}/${index}-wide`, {
      method: 'PUT',
      headers: { 'content-type': 'application/json' },
      body: JSON.stringify(tooWide),
    })
    t.equal(refused.status, 400, 'grams that differ too much in length are refused, as by a full one')
  },
)
