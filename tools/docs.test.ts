import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import specs from '@asyncapi/specs'
import { Validator } from '@seriousme/openapi-schema-validator'
import { Ajv } from 'ajv'
import addFormats from 'ajv-formats'
import t from 'tap'
import { asyncapiOf, openapiOf } from './documents.ts'

type Json = Record<string, unknown>
const openapi = (await openapiOf()) as Json
const asyncapi = asyncapiOf() as Json
const committed = (name: string): Json =>
  JSON.parse(readFileSync(join(import.meta.dirname, '../docs', name), 'utf8')) as Json

t.test('docs/openapi.json is what the routes make: after a change, run npm run docs', async (t) => {
  t.strictSame(committed('openapi.json'), openapi)
})

t.test('docs/asyncapi.json is what topology and collections make: after a change, run npm run docs', async (t) => {
  t.strictSame(committed('asyncapi.json'), asyncapi)
})

t.test('the OpenAPI document is valid by the schema of OpenAPI 3.1, and one with a fault is not', async (t) => {
  const isValid = async (document: Json) => (await new Validator().validate(document)).valid
  t.equal(openapi['openapi'], '3.1.0')
  t.match(await new Validator().validate(openapi), { valid: true })
  t.equal(await isValid({ ...openapi, info: { title: 'no version' } }), false)
})

t.test('the AsyncAPI document is valid by the schema of AsyncAPI 3.0, and one with a fault is not', async (t) => {
  const ajv = new Ajv({ strict: false, allErrors: true })
  addFormats.default(ajv)
  const check = ajv.compile({ ...specs.schemasWithoutId['3.0.0'] } as Json)
  t.ok(check(asyncapi), ajv.errorsText(check.errors))
  t.notOk(check({ ...asyncapi, info: { title: 'no version' } }))
})

t.test('every reference within either document leads somewhere', async (t) => {
  for (const document of [openapi, asyncapi]) {
    const refs = [...JSON.stringify(document).matchAll(/"\$ref":"#([^"]+)"/g)].map(([, ref = '']) => ref)
    t.ok(refs.length > 10)
    const lost = [...new Set(refs)].filter((ref) => leadsTo(document, ref) === undefined)
    t.same(lost, [])
  }
  t.equal(leadsTo(openapi, '/components/nothing'), undefined)
})

/** What an RFC 6901 pointer leads to. */
const leadsTo = (document: Json, pointer: string): unknown =>
  pointer
    .split('/')
    .slice(1)
    .reduce<unknown>((at, key) => (at as Json)?.[key.replaceAll('~1', '/').replaceAll('~0', '~')], document)
