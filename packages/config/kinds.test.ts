import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { rootCertificates } from 'node:tls'
import t, { type Test } from 'tap'
import { type Options, readOptions } from './index.ts'

/** What an option makes of a text; 'fault' if it is out of range. */
function read(name: keyof Options, text: string): unknown {
  try {
    return readOptions({ [name]: text }, [name])[name]
  } catch {
    return 'fault'
  }
}
const readsAs = (t: Test, name: keyof Options, table: Record<string, unknown>) => {
  for (const [text, value] of Object.entries(table)) t.strictSame(read(name, text), value, `${name}=${text}`)
}
const refuses = (t: Test, name: keyof Options, texts: string[]) => {
  for (const text of texts) t.equal(read(name, text), 'fault', `${name}=${text}`)
}

t.test('whole numbers: the ends of the range are in it, and nothing but digits is a number', async (t) => {
  readsAs(t, 'API_PORT', { '0': 0, '65535': 65_535, '8080': 8080 })
  refuses(t, 'API_PORT', ['65536', '-1', '1.5', '1e3', ' 1', '1 ', '', 'abc', '0x10', 'NaN', '9'.repeat(16)])
  readsAs(t, 'BATCH_MAX', { '1': 1, '1000': 1000 })
  refuses(t, 'BATCH_MAX', ['0', '1001'])
})

t.test('words are taken as they are written, and no others', async (t) => {
  readsAs(t, 'LOG_LEVEL', { info: 'info', silent: 'silent' })
  refuses(t, 'LOG_LEVEL', ['INFO', '', 'information'])
  refuses(t, 'NODE_ENV', ['prod', ''])
})

t.test('a namespace is what exchanges, keys and indices can all be called', async (t) => {
  readsAs(t, 'NAMESPACE', { '': '', 'eu.': 'eu.', 'a-b_c.1': 'a-b_c.1' })
  refuses(t, 'NAMESPACE', ['EU', 'a b', '_a', '.a', '{a}', 'a*', 'a/b', 'a:b', 'x'.repeat(41)])
})

t.test('POSTGRES_DSN as a URL', async (t) => {
  readsAs(t, 'POSTGRES_DSN', {
    'postgres://u:p@h:5433/d': 'postgres://u:p@h:5433/d',
    'postgresql://h/d?sslmode=require': 'postgresql://h/d?sslmode=require',
    'postgres://u:p%40ss@[::1]:5432/d': 'postgres://u:p%40ss@[::1]:5432/d',
    'postgres://u:p@/d?host=/tmp': 'postgres://u:p@localhost/d?host=/tmp',
  })
  refuses(t, 'POSTGRES_DSN', [
    '',
    'postgres://',
    'postgres://h:99999/d',
    'mysql://h/d',
    'postgres://u:p%zz@h/d',
    'h:5432',
    'nonsense',
  ])
})

t.test('POSTGRES_DSN as key=value pairs says the same as a URL', async (t) => {
  readsAs(t, 'POSTGRES_DSN', {
    'host=h port=5433 user=u password=p dbname=d': 'postgres://u:p@h:5433/d',
    ' host = h  dbname = d ': 'postgres://h/d',
    'user=u password=p@ss:/?#w dbname=d': 'postgres://u:p%40ss%3A%2F%3F%23w@localhost/d',
    "user=u password='it\\'s a \\\\ word' dbname=d": "postgres://u:it's%20a%20%5C%20word@localhost/d",
    "user=u password='' dbname=d": 'postgres://u@localhost/d',
    'host=::1 dbname=d': 'postgres://[::1]/d',
    'host=/var/run/postgresql dbname=d': 'postgres://localhost/d?host=%2Fvar%2Frun%2Fpostgresql',
    'host=h dbname=d sslmode=require connect_timeout=3 application_name=x':
      'postgres://h/d?sslmode=require&connect_timeout=3&application_name=x',
  })
  refuses(t, 'POSTGRES_DSN', [
    'host=h port=x', 'host=h port=99999', 'host=h foo=1', 'host=h junk dbname=d', 'host=a,b dbname=d', 'host=h password=a b',
    "host=h password='open", 'host=a/b', 'host=h@x', 'host=',
  ]) // biome-ignore format: a table
})

t.test('REDIS_ADDR as host:port, as a URL, or as a list for a cluster', async (t) => {
  readsAs(t, 'REDIS_ADDR', {
    'localhost:6379': ['redis://localhost:6379'],
    localhost: ['redis://localhost'],
    'redis://ann:pw@h:1/2': ['redis://ann:pw@h:1/2'],
    'rediss://h': ['rediss://h'],
    ' a:1 , b:2 ': ['redis://a:1', 'redis://b:2'],
    '[::1]:6379': ['redis://[::1]:6379'],
    ':pw@h:1': ['redis://:pw@h:1'],
  })
  refuses(t, 'REDIS_ADDR', [
    '',
    'h:99999',
    'http://h:1',
    'a:1,',
    ',',
    'redis://',
    '::1:6379',
    'h:1/x',
    'a b:1',
    'a:1/1,b:1',
  ])
})

t.test('RABBITMQ_URL takes one or several, never none; ELASTICSEARCH_URL may be none', async (t) => {
  readsAs(t, 'RABBITMQ_URL', {
    'amqp://h': ['amqp://h'],
    'amqp://a, amqps://u:p@b:5671/v': ['amqp://a', 'amqps://u:p@b:5671/v'],
  })
  refuses(t, 'RABBITMQ_URL', ['', 'http://h', 'amqp://', 'h:5672', 'amqp://a,', 'amqp://u:%zz@h'])
  readsAs(t, 'ELASTICSEARCH_URL', {
    '': [],
    'http://h:9200': ['http://h:9200'],
    'http://a,https://b': ['http://a', 'https://b'],
  })
  refuses(t, 'ELASTICSEARCH_URL', ['h:9200', 'http://', 'ftp://h', ','])
})

t.test('schedules: cron, names for the usual ones, and spans', async (t) => {
  readsAs(t, 'MV_REFRESH_SCHEDULE', {
    '@hourly': { cron: '0 * * * *' },
    '@daily': { cron: '0 0 * * *' },
    '@weekly': { cron: '0 0 * * 0' },
    '@monthly': { cron: '0 0 1 * *' },
    ' */5 * * * * ': { cron: '*/5 * * * *' },
    '30 0 9-17/2 1,15 * mon-fri': { cron: '30 0 9-17/2 1,15 * mon-fri' },
    '0 0 29 2 *': { cron: '0 0 29 2 *' },
    '@every 1s': { interval_ms: 1_000 },
    '@every 15m': { interval_ms: 900_000 },
    '@every 1h30m': { interval_ms: 5_400_000 },
    '@every 24h': { interval_ms: 86_400_000 },
    '@every 90s': { interval_ms: 90_000 },
  })
  refuses(t, 'MV_REFRESH_SCHEDULE', [
    '', '@every', '@every ', '@every 0s', '@every 25h', '@every 86401s', '@every 15 m', '@every 15', '@every -1m', '@every m', '@often',
    '* * * *', '* * * * * * *', '60 * * * *', '* 24 * * *', '* * 0 * *', '* * * 13 *', '* * * * 8', '5-1 * * * *', '*/0 * * * *',
    '1/5 * * * *', '1-70 * * * *', 'a b c d e', '* * * * moon', 'jan * * * *', '0 0 31 2 *', '0 0 31 4,6,9,11 *', '0,, * * * *',
  ]) // biome-ignore format: a table
})

t.test('CORS_ORIGINS are origins as browsers send them, or every one', async (t) => {
  readsAs(t, 'CORS_ORIGINS', {
    '': [],
    '*': ['*'],
    'https://shop.example, http://localhost:5173': ['https://shop.example', 'http://localhost:5173'],
  })
  refuses(t, 'CORS_ORIGINS', [
    'https://shop.example/',
    'shop.example',
    'https://a.example,*',
    'null',
    'https://A.example',
  ])
})

t.test('TRUST_PROXY takes addresses and networks, never everybody by a word', async (t) => {
  readsAs(t, 'TRUST_PROXY', { '': [], '10.0.0.0/8, ::1': ['10.0.0.0/8', '::1'], '127.0.0.1': ['127.0.0.1'] })
  refuses(t, 'TRUST_PROXY', ['true', '1', '10.0.0.0/33', '::1/129', '10.0.0.0/', '/8', 'proxy.example', '10.0.0.1,'])
})

t.test('certificates are read from their file, and refused where there are none', async (t) => {
  const folder = mkdtempSync(join(tmpdir(), 'ordermill-certificates-'))
  t.teardown(() => rmSync(folder, { recursive: true }))
  const file = (name: string, text: string) => {
    writeFileSync(join(folder, name), text)
    return join(folder, name)
  }
  const [one = '', other = ''] = rootCertificates
  const both = read('ELASTICSEARCH_CA_FILE', file('two.pem', `of two\n${one}\n${other}\n`))
  t.equal(String(both).match(/BEGIN/g)?.length, 2)
  t.equal(read('ELASTICSEARCH_CA_FILE', ''), undefined)
  const broken = one.replace(/MII../, 'AAAAA')
  refuses(t, 'ELASTICSEARCH_CA_FILE', [join(folder, 'none.pem'), folder, file('empty', ''), file('broken', broken)])
})

t.test('a schedule that may be never is never where it is empty', async (t) => {
  readsAs(t, 'AUDIT_SCHEDULE', { '': undefined, '@daily': { cron: '0 0 * * *' } })
  refuses(t, 'AUDIT_SCHEDULE', ['never', '@every 0s'])
})

t.test('a Cloud ID and an API key are taken as Elastic gives them', async (t) => {
  const id = 'shop:ZXUuY2xvdWQuZXhhbXBsZSRhYmMkZGVm'
  readsAs(t, 'ELASTICSEARCH_CLOUD_ID', { '': '', [id]: id })
  refuses(t, 'ELASTICSEARCH_CLOUD_ID', ['shop', 'shop:', ':abc', 'shop:a b'])
  readsAs(t, 'ELASTICSEARCH_API_KEY', { '': '', 'VnVhQ2ZHY0JDZGJrUT==': 'VnVhQ2ZHY0JDZGJrUT==' })
  refuses(t, 'ELASTICSEARCH_API_KEY', ['id:key', 'ApiKey abc'])
})
