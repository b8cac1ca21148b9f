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
  const points = [...folded.replaceAll(' ', '_')]
  return points.slice(2).map((_, at) => points.slice(at, at + 3).join(''))
}

/** The document of a record's JSON text: the text, and its texts as search compares them. */
export function documentText(c: Collection): (text: string) => string {
  const texts = searchableTexts(c)
  return (text) => {
    if (texts.length === 0) return text
    const record = JSON.parse(text) as Record<string, unknown>
    const folded = texts.flatMap((name) => {
      const value = record[name]
      if (typeof value !== 'string') return []
      const words = foldText(value)
      return [`"${wordsField(name)}":"${words}"`, `"${gramsField(name)}":"${gramsOf(words).join(' ')}"`]
    })
    return folded.length === 0 ? text : `${text.slice(0, -1)},${folded.join()}}`
  }
}
