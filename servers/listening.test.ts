import { readFileSync } from 'node:fs'
import { environment } from '@ordermill/config'
import t from 'tap'
import { freePort } from './ports.ts'
import { startServer } from './start-one.ts'

const loopback = ['0100007F', '0000000000000000FFFF00000100007F', '00000000000000000000000001000000']
/** At which addresses (in hexadecimal, as the kernel prints them) somebody listens at a port. */
const listening = (port: number): string[] =>
  ['/proc/net/tcp', '/proc/net/tcp6'].flatMap((table) =>
    readFileSync(table, 'utf8')
      .split('\n')
      .flatMap((line) => {
        const [, local = '', , state] = line.trim().split(/\s+/)
        const [address = '', at = ''] = local.split(':')
        return state === '0A' && Number.parseInt(at, 16) === port ? [address] : []
      }),
  )

for (const name of ['postgres', 'redis', 'rabbitmq'] as const)
  t.test(`whatever ${name} listens at is on loopback`, { skip: process.platform !== 'linux' }, async (t) => {
    const ports: number[] = []
    const pick = async () => {
      const port = await freePort()
      ports.push(port)
      return port
    }
    const server = await startServer(name, { env: environment(), pick })
    t.teardown(() => server.remove())
    for (const port of ports) {
      const addresses = listening(port)
      t.ok(addresses.length > 0, `somebody listens at ${port}`)
      for (const address of addresses) t.ok(loopback.includes(address), `${port} at ${address}`)
    }
  })
