import { parseArgs } from 'node:util'
import { defaultPorts } from './ports.ts'
import { ServerProblem, toError } from './problem.ts'

/** What `npm start` was asked to do. */
export type Command = {
  help: boolean
  serversOnly: boolean
  search: boolean
  native: boolean
  /** Path of an NDJSON file of orders to place. */
  orders?: string
  /** End when the orders are through. */
  exit: boolean
}

/** Printed for --help. */
export const usage = `Starts Ordermill on this machine: Postgres, Redis, RabbitMQ, Elasticsearch, the API and the worker.

  npm start -- [options]

  --orders FILE    place the orders of an NDJSON file, one to a line, and account for them
  --exit           with --orders: stop everything afterwards; exit code 1 if an accepted order is missing somewhere
  --no-search      without Elasticsearch: search answers from Postgres
  --servers-only   only the servers; prints their addresses (the same as: npm run servers)
  --native         do not use Docker, even if it is there
  --help           this text

Servers are found by address (POSTGRES_DSN, REDIS_ADDR, RABBITMQ_URL, ELASTICSEARCH_URL), else started with Docker
compose where an engine answers, else as processes with their data in .servers/start.

Ports, by environment: API_PORT (8080), WORKER_PORT (9091),
${Object.entries(defaultPorts)
  .map(([option, port]) => `  ${option} (${port})`)
  .join(',\n')}
`

/** Reads the arguments. Throws BAD_OPTION with a sentence for what it does not know. */
export function readCommand(args: string[]): Command {
  try {
    const { values } = parseArgs({
      args,
      strict: true,
      allowPositionals: false,
      options: {
        help: { type: 'boolean', short: 'h', default: false },
        'servers-only': { type: 'boolean', default: false },
        'no-search': { type: 'boolean', default: false },
        native: { type: 'boolean', default: false },
        orders: { type: 'string' },
        exit: { type: 'boolean', default: false },
      },
    })
    if (values.exit && values.orders === undefined) throw new Error('--exit goes with --orders FILE')
    return {
      help: values.help,
      serversOnly: values['servers-only'],
      search: !values['no-search'],
      native: values.native,
      ...(values.orders === undefined ? {} : { orders: values.orders }),
      exit: values.exit,
    }
  } catch (error) {
    throw new ServerProblem('BAD_OPTION', `${toError(error).message}. Try: npm start -- --help`)
  }
}
