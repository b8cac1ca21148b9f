import swagger from '@fastify/swagger'
import type { FastifyInstance } from 'fastify'
import { finishDocument } from '../document/finish.ts'

/** The OpenAPI 3.1 document at /docs/json, made from the routes. Register before the routes. */
export async function openapiPlugin(app: FastifyInstance): Promise<void> {
  await app.register(swagger, {
    openapi: {
      openapi: '3.1.0',
      info: {
        title: 'Ordermill',
        version: '0.1.0',
        description:
          'An event-driven order platform: accept at memory speed, persist exactly once, search in milliseconds, lose nothing.',
        license: { name: 'MIT', identifier: 'MIT' },
      },
      servers: [
        { url: '/', description: 'Where this document was read' },
        { url: 'http://127.0.0.1:8080', description: 'As npm start serves it' },
      ],
      tags: [
        { name: 'orders', description: 'Placing, reading and changing orders' },
        { name: 'search', description: 'Finding orders' },
        { name: 'dashboard', description: 'Sales' },
        { name: 'admin', description: "The operator's hands" },
        { name: 'health', description: 'Of the process and its parts' },
      ],
      components: {
        securitySchemes: {
          admin: { type: 'http', scheme: 'bearer', description: 'ADMIN_TOKEN; where none is set, none is asked for.' },
        },
      },
    },
    transformObject: (made) => ('openapiObject' in made ? finishDocument(made.openapiObject) : made.swaggerObject),
  })
}
