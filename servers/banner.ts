import type { Platform } from './platform.ts'

/** What answers where, and three calls to try. */
export function banner({ api, worker, env, notes }: Platform): string {
  const rows: [string, string][] = [
    ['API', api],
    ['Documentation', `${api}/docs`],
    ['Metrics', `${api}/metrics and ${worker}/metrics`],
    ...dashboard(env.RABBITMQ_MANAGEMENT_URL),
  ]
  return [
    '',
    'Ordermill is ready.',
    '',
    ...rows.map(([what, where]) => `  ${what.padEnd(14)}${where}`),
    '',
    'Try:',
    `  curl -i ${api}/api/orders -H 'content-type: application/json' -d '{"product_name":"Red teapot","quantity":2,"amount":39.90}'`,
    `  curl -i ${api}/api/orders/ORDER_ID`,
    `  curl -s '${api}/api/search?q=teapot'`,
    '',
    ...notes.map((note) => `Note: ${note}`),
    'Ctrl-C stops everything that was started here.',
  ].join('\n')
}

function dashboard(managementUrl: string | undefined): [string, string][] {
  if (managementUrl === undefined) return []
  const url = new URL(managementUrl)
  const user = `user ${decodeURIComponent(url.username)}, password ${decodeURIComponent(url.password)}`
  return [['RabbitMQ', `${url.origin}/ (${user})`]]
}
