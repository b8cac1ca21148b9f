import { type Collection, foldText, searchableTexts } from '@ordermill/model'

// No field can be called so: names of fields have no hyphen.
/** The field of an index that holds the words of a text field. */
export const wordsField = (field: string): string => `${field}-words`
/** The field of an index that holds three characters and three characters of a text field, one after the other. */
export const gramsField = (field: string): string => `${field}-grams`

/**
 * All neighbouring threes of characters of a folded text, a space written as _. Three characters and more stand in the text
 * exactly where their threes stand one after the other.
 */
export function gramsOf(folded: string): string[] {
  const text = folded.replaceAll(' ', '_')
  if (!beyondOneUnit.test(text))
    return Array.from({ length: Math.max(0, text.length - 2) }, (_, at) => text.slice(at, at + 3))
  const points = [...text]
  return points.slice(2).map((_, at) => points.slice(at, at + 3).join(''))
}
const beyondOneUnit = /[\ud800-\udfff]/

/**
 * The fields of an index that hold the halves of an id, as whole numbers in the order of ids. Ids break ties, and a word that every
 * tenth record has makes a hundred thousand ties: over a million orders comparing numbers costs a third less CPU a search than
 * comparing keywords, and a fifth of it on a far page.
 */
export const idFields = ['id-high', 'id-low'] as const

/** The halves of an id: numbers with a sign, as the engine compares them. */
export function idHalves(id: string): [bigint, bigint] {
  const digits = id.replaceAll('-', '')
  const half = (from: number) => BigInt(`0x${digits.slice(from, from + 16)}`) - 2n ** 63n
  return [half(0), half(16)]
}

/**
 * So many different texts, no longer than this, are folded once; then all are forgotten: some 5 MB at most. Names repeat, most of a
 * million orders are of few; long texts are seldom the same.
 */
const rememberedMax = 4_096
const rememberedLength = 100

/** The document of a record's JSON text: the text, its id in halves, and its texts as search compares them. */
export function documentText(c: Collection): (text: string) => string {
  const texts = searchableTexts(c).map((name) => ({ name, folded: rememberFolded(name) }))
  return (text) => {
    const record = JSON.parse(text) as Record<string, unknown> & { id: string }
    const [high, low] = idHalves(record.id)
    let document = `${text.slice(0, -1)},"${idFields[0]}":${high},"${idFields[1]}":${low}`
    for (const { name, folded } of texts) {
      const value = record[name]
      if (typeof value === 'string') document += folded(value)
    }
    return `${document}}`
  }
}

/** What a document has of a text beside it, as members of JSON with a comma before each. */
function rememberFolded(name: string): (value: string) => string {
  const known = new Map<string, string>()
  return (value) => {
    let members = known.get(value)
    if (members === undefined) {
      const words = foldText(value)
      members = `,"${wordsField(name)}":"${words}","${gramsField(name)}":"${gramsOf(words).join(' ')}"`
      if (known.size >= rememberedMax) known.clear()
      if (value.length <= rememberedLength) known.set(value, members)
    }
    return members
  }
}
