import type { Sample } from './results.ts'

/**
 * How late the event loop of a service is between now and the call of what is returned: every scrape starts the service's
 * histogram anew.
 */
export async function delayOf(url: string): Promise<() => Promise<Sample>> {
  await scrape(url)
  return async () => {
    const text = await scrape(url)
    const seconds = (name: string) =>
      Number(new RegExp(`^nodejs_eventloop_lag_${name}_seconds\\S* (\\S+)`, 'm').exec(text)?.[1])
    return { loop_p99_ms: seconds('p99') * 1_000, loop_max_ms: seconds('max') * 1_000 }
  }
}

const scrape = async (url: string): Promise<string> => (await fetch(`${url}/metrics`)).text()
