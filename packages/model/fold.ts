/** Longer words are cut: Elasticsearch would cut them elsewhere than Postgres does not. */
const wordMax = 64

/** Letters that Unicode does not take apart, as people type them without the right keyboard. */
const plain: Record<string, string> = {
  ß: 'ss',
  æ: 'ae',
  œ: 'oe',
  ø: 'o',
  đ: 'd',
  ð: 'd',
  ħ: 'h',
  ı: 'i',
  ĸ: 'k',
  ł: 'l',
  ŋ: 'n',
  þ: 'th',
  ŧ: 't',
}
const plainLetter = /[ßæœøđðħıĸłŋþŧ]/g

/**
 * The words of a text as search compares them: case and accents folded, apostrophes dropped, everything that is neither letter
 * nor digit a separator. Both engines are given these words and no text of any other making, so that they cannot disagree.
 */
export function foldWords(text: string): string[] {
  const folded = isAscii(text) ? text.toLowerCase().replaceAll("'", '') : foldLetters(text)
  const words = folded.match(/[\p{L}\p{N}\p{Mc}]+/gu) ?? []
  return words.some((word) => word.length > wordMax) ? words.flatMap(cut) : words
}

/** The words with one space between them: what `substring` looks in. */
export const foldText = (text: string): string => foldWords(text).join(' ')

// biome-ignore lint/suspicious/noControlCharactersInRegex: ASCII begins with them
const isAscii = (text: string) => /^[\u0000-\u007f]*$/.test(text)

const foldLetters = (text: string): string =>
  text
    .normalize('NFKD')
    .replace(/\p{Mn}/gu, '')
    .toLowerCase()
    .normalize('NFKD') // a small letter may come with a mark that its capital had not
    .replace(/[\p{Mn}'’ʼ＇]/gu, '')
    .replace(plainLetter, (letter) => plain[letter] ?? letter)
    .normalize('NFC')

function cut(word: string): string[] {
  const points = [...word]
  const pieces: string[] = []
  for (let at = 0; at < points.length; at += wordMax) pieces.push(points.slice(at, at + wordMax).join(''))
  return pieces
}
