import { Unavailable } from '@ordermill/model'
import { isProbe, type Surroundings } from '../parts.ts'

/** How often the event loop is asked how late it is. */
const every_ms = 100

/**
 * While the event loop is later than it may be, requests are answered 503 before anything is done for them: what waits
 * drains first. Health and metrics are answered all the same. Off where the limit is 0.
 */
export function overloadPlugin({ app, options, log: root }: Surroundings): void {
  const max_ms = options.EVENT_LOOP_DELAY_MAX_MS
  if (max_ms === 0) return
  const log = root.child({ component: 'overload' })
  let late = false
  let due = performance.now() + every_ms
  // Timers run before sockets are read: what came in while the loop stood still meets the flag already set.
  const timer = setInterval(() => {
    const now = performance.now()
    const isLate = now - due > max_ms
    if (isLate && !late) log.warn({ delay_ms: Math.round(now - due) }, 'the event loop is late: requests are refused')
    late = isLate
    due = now + every_ms
  }, every_ms)
  app.addHook('onClose', () => clearInterval(timer))
  app.addHook('onRequest', (request, _reply, done) => {
    if (!late || isProbe(request)) return done()
    done(new Unavailable('overloaded', 'The API has more to do than it can.', { retryAfterSeconds: 2 }))
  })
}
