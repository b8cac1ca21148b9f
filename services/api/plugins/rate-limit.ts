import { createHash } from 'node:crypto'
import { isIPv6 } from 'node:net'
import { type CacheClient, createSharedBuckets } from '@ordermill/cache'
import { Refused, toError } from '@ordermill/model'
import type { FastifyReply, FastifyRequest } from 'fastify'
import { isProbe, type Surroundings } from '../parts.ts'
import { createRateLimit, type Verdict } from '../rate-limit.ts'
import { isOperator } from './admin.ts'

/** Some megabytes at most, whoever calls. */
const callersMax = 20_000

/**
 * At most RATE_LIMIT requests a second of one caller: the operator by its token, everybody else by address. Answers carry
 * RateLimit and RateLimit-Policy (draft-ietf-httpapi-ratelimit-headers). Off where the limit is 0.
 */
export function rateLimitPlugin({ app, options, log: root }: Surroundings, client: CacheClient): void {
  const rate = options.RATE_LIMIT
  if (rate === 0) return
  const log = root.child({ component: 'rate-limit' })
  const limit = createRateLimit({
    rate,
    callersMax,
    shared: createSharedBuckets(client, options.NAMESPACE),
    onSharedAway: (thrown) => log.debug({ err: toError(thrown) }, 'callers are counted by this process alone'),
  })
  const policy = `"caller";q=${rate};w=1`
  const say = ({ allowed, remaining, reset_s, retryAfter_s }: Verdict, reply: FastifyReply): Error | undefined => {
    reply.header('ratelimit-policy', policy).header('ratelimit', `"caller";r=${remaining};t=${reset_s}`)
    if (allowed) return undefined
    reply.header('retry-after', retryAfter_s)
    return new Refused('rate-limited', `No more than ${rate} requests a second are answered.`)
  }
  const callerOf = ({ headers, ip }: FastifyRequest): string =>
    isOperator(headers.authorization, options.ADMIN_TOKEN) ? 'operator' : addressName(ip)

  app.addHook('onRequest', (request, reply, done) => {
    if (isProbe(request)) return done()
    const verdict = limit.take(callerOf(request))
    if (!(verdict instanceof Promise)) return done(say(verdict, reply))
    verdict.then((late) => done(say(late, reply)), done)
  })
}

/** The name of an address's bucket: not the address itself. A network of IPv6 (/64) is one caller: it has 2^64 addresses. */
function addressName(ip: string): string {
  const plain = ip.replace(/^::ffff:(?=\d+\.)/, '')
  const part = isIPv6(plain) ? networkOf(plain) : plain
  return createHash('sha256').update(part).digest('base64url').slice(0, 22)
}

/** The first four groups of an IPv6 address. */
function networkOf(ip: string): string {
  const [before = '', after] = (ip.split('%')[0] ?? '').split('::')
  const head = before === '' ? [] : before.split(':')
  const tail = after === undefined || after === '' ? [] : after.split(':')
  const zeros = after === undefined ? [] : Array<string>(Math.max(0, 8 - head.length - tail.length)).fill('0')
  return [...head, ...zeros, ...tail].slice(0, 4).join(':')
}
