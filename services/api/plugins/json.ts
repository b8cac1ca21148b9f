import { isUtf8 } from 'node:buffer'
import { type Fault, Invalid, Refused } from '@ordermill/model'
import type { FastifyInstance } from 'fastify'
import { isWrittenExactly } from '../decimal.ts'

/** Numbers this long may say more than a JSON number holds. Also found in strings: then the slow look finds nothing. */
const longNumber = /\d[\d.eE+-]{15,}/

/** Reads JSON bodies: strict UTF-8 (RFC 8259 section 8.1), and no number that would be changed by reading it. */
export function jsonPlugin(app: FastifyInstance): void {
  app.removeContentTypeParser(['text/plain', 'application/json'])
  const types = ['application/json', 'application/merge-patch+json']
  app.addContentTypeParser<Buffer>(types, { parseAs: 'buffer' }, (_request, body, done) => {
    try {
      done(null, parseJson(body))
    } catch (thrown) {
      done(thrown as Error)
    }
  })
}

/** @throws Refused `malformed` | Invalid */
function parseJson(bytes: Buffer): unknown {
  if (!isUtf8(bytes)) throw new Refused('malformed', 'The body is not valid UTF-8.')
  const text = bytes.toString()
  let value: unknown
  try {
    value = JSON.parse(text)
  } catch (cause) {
    throw new Refused('malformed', text.trim() === '' ? 'The body is empty.' : 'The body is not valid JSON.', { cause })
  }
  if (longNumber.test(text)) refuseInexact(text)
  return value
}

function refuseInexact(text: string): void {
  const faults: Fault[] = []
  JSON.parse(text, (key, value: unknown, context?: { source?: string }) => {
    if (typeof value === 'number' && context?.source !== undefined && !isWrittenExactly(context.source, value))
      faults.push({ pointer: `/${key}`, code: 'digits', detail: 'has more digits than a JSON number holds exactly' })
    return value
  })
  if (faults.length > 0) throw new Invalid(faults)
}
