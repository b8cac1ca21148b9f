import { describeOptions } from '@ordermill/config'
import { apiMetrics, createRegistry, workerMetrics } from '@ordermill/telemetry'
import { forMarkdown } from './config-table.ts'

interface Described {
  name: string
  help: string
  labelNames?: string[]
}

/** Metrics of a service beside those of the process: name, labels and help. */
export function metricsOf(service: 'api' | 'worker'): Described[] {
  const registry = createRegistry(service)
  const own = service === 'api' ? apiMetrics(registry, []) : workerMetrics(registry, [])
  const all = registry.getMetricsAsArray() as unknown as Described[]
  return own === undefined ? [] : all.filter(({ name }) => !/^(process|nodejs)_/.test(name))
}

function metricsTable(): string {
  const services = new Map<string, string[]>()
  const described = new Map<string, Described>()
  for (const service of ['api', 'worker'] as const)
    for (const metric of metricsOf(service)) {
      described.set(metric.name, metric)
      services.set(metric.name, [...(services.get(metric.name) ?? []), service])
    }
  const rows = [...described.values()]
    .sort((a, b) => (a.name < b.name ? -1 : 1))
    .map(({ name, labelNames = [], help }) => {
      const labels = labelNames.map((label) => `\`${label}\``).join(', ')
      return `| \`${name}\` | ${labels} | ${services.get(name)?.join(', ')} | ${help} |`
    })
  return ['| Metric | Labels | Of | What it says |', '| --- | --- | --- | --- |', ...rows, ''].join('\n')
}

/** The page with its tables made anew from the code. @throws Error if the page has no place for one */
export function withTables(page: string): string {
  const tables = { options: forMarkdown(describeOptions({})), metrics: metricsTable() }
  return Object.entries(tables).reduce((text, [name, table]) => {
    const place = new RegExp(`(<!-- ${name} -->\n)[^]*?(<!-- /${name} -->)`)
    if (!place.test(text)) throw new Error(`the page has no place for the table of ${name}`)
    return text.replace(place, (_, open: string, close: string) => `${open}\n${table}\n${close}`)
  }, page)
}
