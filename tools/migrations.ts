import { readFileSync, writeFileSync } from 'node:fs'
import {
  addColumnsSql,
  addSearchColumnsSql,
  createSql,
  dropSearchSql,
  dropSql,
  type Session,
  searchSql,
  searchTable,
} from '@ordermill/database'
import { migrationNames, migrationsDir, migrationsTable } from '@ordermill/database/migrate'
import type { Collection } from '@ordermill/model'

/** The SQL of a fresh database: all migrations, and the knowledge that they ran. */
export async function snapshot(): Promise<string> {
  const names = await migrationNames()
  const ups = names.map((name) => {
    const [up = ''] = readFileSync(`${migrationsDir}${name}.sql`, 'utf8').split('-- Down Migration')
    return `-- ${name}\n\n${up.replace('-- Up Migration', '').trim()}\n`
  })
  return `-- The schema of a fresh database. Made by 'npm run migrate -- snapshot' from packages/database/migrations: do not edit.

${ups.join('\n')}
CREATE TABLE ${migrationsTable} (
  id serial PRIMARY KEY,
  name varchar(255) NOT NULL,
  run_on timestamp NOT NULL
);
INSERT INTO ${migrationsTable} (name, run_on) VALUES
${names.map((name) => `  ('${name}', now())`).join(',\n')};
`
}

/**
 * Writes the next numbered migration with what these collections have and the database lacks. Gives its path, and whether there
 * was anything to write into it.
 * @throws Error if it cannot be called so
 */
export async function writeMigration(
  session: Session,
  { name, collections, dir = migrationsDir }: { name: string; collections: readonly Collection[]; dir?: string },
): Promise<{ file: string; lacking: boolean }> {
  if (!/^[a-z][a-z0-9_]*$/.test(name)) throw new Error(`'${name}' cannot name a migration: use a-z, 0-9 and _`)
  const parts = await Promise.all(collections.map((c) => lackingOf(session, c)))
  const ups = parts.map(({ up }) => up).filter((up) => up !== '')
  const downs = parts.map(({ down }) => down).filter((down) => down !== '')
  const last = Number.parseInt((await migrationNames(dir)).at(-1) ?? '0', 10)
  const file = `${dir}${String(last + 1).padStart(4, '0')}_${name}.sql`
  writeFileSync(file, `-- Up Migration\n\n${ups.join('\n')}\n-- Down Migration\n\n${downs.reverse().join('\n')}`)
  return { file, lacking: ups.length > 0 }
}

/** What a collection has and the database lacks: all of it, or single columns. */
async function lackingOf(session: Session, c: Collection): Promise<{ up: string; down: string }> {
  const columnsIn = async (table: string) => {
    const text = `SELECT column_name AS name FROM information_schema.columns WHERE table_schema = current_schema() AND table_name = $1`
    return (await session.query<{ name: string }>({ text, values: [table] })).map(({ name }) => name)
  }
  const columns = await columnsIn(c.name)
  if (columns.length === 0) return { up: createSql(c), down: dropSql(c) }
  const added = addColumnsSql(c, columns)
  const searched = await columnsIn(searchTable(c))
  const search = searched.length === 0 ? { up: searchSql(c), down: dropSearchSql(c) } : addSearchColumnsSql(c, searched)
  return { up: added.up + search.up, down: search.down + added.down }
}
