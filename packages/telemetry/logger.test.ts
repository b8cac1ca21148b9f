import t from 'tap'
import { createLogger } from './index.ts'

/** A logger, and what it wrote as parsed lines. */
function logged(level = 'info') {
  const lines: string[] = []
  const log = createLogger({ service: 'api', level, stream: { write: (line: string) => void lines.push(line) } })
  return {
    log,
    lines: () => lines.map((line) => JSON.parse(line) as Record<string, unknown>),
    text: () => lines.join(''),
  }
}

t.test('a line is one JSON object with ISO time, level as a word, service, component and message', async (t) => {
  const { log, lines, text } = logged()
  log.child({ component: 'persister' }).info({ records: 3, correlation_id: 'c-1' }, 'batch\nof three')
  const [line, ...others] = lines()
  t.strictSame(others, [])
  t.match(line, {
    level: 'info',
    service: 'api',
    component: 'persister',
    records: 3,
    correlation_id: 'c-1',
    msg: 'batch\nof three',
  })
  t.match(line?.['time'], /^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z$/)
  t.notOk('pid' in (line ?? {}) || 'hostname' in (line ?? {}), 'no noise')
  t.equal(text().split('\n').length, 2, 'a new line within a message starts no second line')
})

t.test('lines below the level are not written', async (t) => {
  const { log, lines } = logged('warn')
  log.info('unheard')
  log.warn('heard')
  t.strictSame(
    lines().map(({ msg, level }) => [level, msg]),
    [['warn', 'heard']],
  )
})

t.test('secrets never reach a line, at the top or inside of what is logged', async (t) => {
  const { log, text, lines } = logged()
  const s = 'hunter2'
  log.info({ authorization: s, password: s, dsn: s, token: s, cookie: s }, 'top')
  log.info({ headers: { authorization: s, cookie: s }, options: { POSTGRES_DSN: s, ADMIN_TOKEN: s } }, 'inside')
  log.info({ req: { headers: { authorization: s } }, service: { options: { RABBITMQ_URL: s } } }, 'further inside')
  log.child({ password: s }).info('child')
  t.notMatch(text(), /hunter2/)
  t.match(lines()[1], { headers: { authorization: '*****' } }, 'that there was one is still seen')
})

t.test('an error is told by class, message, code, stack and causes, without what drivers hang on it', async (t) => {
  const { log, lines, text } = logged()
  const cause = Object.assign(new Error('connect ECONNREFUSED amqp://ann:hunter2@broker:5672/v'), {
    code: 'ECONNREFUSED',
  })
  const err = Object.assign(new TypeError('away', { cause }), {
    code: 'cache-away',
    command: { name: 'set', args: ['{1}:orders', 'whole record of hunter2'] },
    meta: { connection: { url: 'http://ann:hunter2@engine' } },
  })
  log.error({ err }, 'failed')
  t.match(lines()[0], {
    err: { type: 'TypeError', code: 'cache-away', stack: /ECONNREFUSED amqp:\/\/\*{5}@broker:5672\/v/ },
  })
  t.strictSame(Object.keys(lines()[0]?.['err'] ?? {}), ['type', 'message', 'code', 'stack'])
  t.notMatch(text(), /hunter2/)
  log.error({ err: 'not an error' }, 'odd')
  t.equal(lines()[1]?.['err'], 'not an error')
})
