import { readOptions } from '@ordermill/config'
import { collections } from '@ordermill/model'
import { topologyOf } from '@ordermill/queue'
import { asyncapiDocument } from '@ordermill/queue/asyncapi'
import { createLogger } from '@ordermill/telemetry'
import { buildApp } from '../services/api/app.ts'
import { apiOptionNames } from '../services/api/parts.ts'

/** Addresses where nobody listens: the document is made from the routes, and routes need no servers. */
const nowhere = {
  NODE_ENV: 'test',
  POSTGRES_DSN: 'postgres://nobody@127.0.0.1:9/none',
  REDIS_ADDR: '127.0.0.1:9',
  RABBITMQ_URL: 'amqp://127.0.0.1:9',
}

/** The OpenAPI document, as the API serves it at /docs/json. */
export async function openapiOf(): Promise<object> {
  const log = createLogger({ service: 'docs', level: 'silent' })
  const { app } = await buildApp(readOptions(nowhere, apiOptionNames), log)
  try {
    await app.ready()
    return app.swagger()
  } finally {
    await app.close()
  }
}

/** The AsyncAPI document of what stands on the broker. */
export function asyncapiOf(): object {
  const { NAMESPACE: namespace, QUEUE_LENGTH_MAX: lengthMax } = readOptions(nowhere, apiOptionNames)
  const names = collections.map(({ name }) => name)
  return asyncapiDocument(collections, topologyOf(names, { namespace, lengthMax }))
}
