type Call = (...args: unknown[]) => Promise<unknown>
/** Told of each call: what it does, how it ended, and the seconds it took. */
export type Observe = (op: string, outcome: 'ok' | 'failed', seconds: number) => void

/**
 * `parts` with these methods measured. What a call does is its method's name, or what `opOf` says of its arguments.
 * Methods must give promises, and must not need `this`.
 */
export function measured<T extends object>(
  parts: T,
  methods: readonly (keyof T & string)[],
  observe: Observe,
  opOf: (method: string, args: unknown[]) => string = (method) => method,
): T {
  const wrapped = methods.map((method) => {
    const call = parts[method] as Call
    const measuredCall: Call = async (...args) => {
      const started = performance.now()
      let outcome: 'ok' | 'failed' = 'failed'
      try {
        const result = await call(...args)
        outcome = 'ok'
        return result
      } finally {
        observe(opOf(method, args), outcome, (performance.now() - started) / 1_000)
      }
    }
    return [method, measuredCall]
  })
  return { ...parts, ...Object.fromEntries(wrapped) }
}

/** What a statement does: its name, or 'other'. */
export const statementOp = (method: string, [statement]: unknown[]): string =>
  method === 'query' ? ((statement as { name?: string }).name ?? 'other') : method
