/** Whether reading `source`, a JSON number as it was written, gave a number that stands for the very same decimal. */
export const isWrittenExactly = (source: string, value: number): boolean =>
  Number.isFinite(value) && canonical(source) === canonical(String(value))

/** A decimal as its digits without leading and trailing zeros, and the power of ten of the last one. */
function canonical(text: string): string {
  const [mantissa = '', exponent = '0'] = text.toLowerCase().split('e')
  const [whole = '', fraction = ''] = mantissa.replace(/^[-+]/, '').split('.')
  const digits = `${whole}${fraction}`.replace(/^0+/, '')
  const significant = digits.replace(/0+$/, '')
  if (significant === '') return '0'
  const power = Number(exponent) - fraction.length + (digits.length - significant.length)
  return `${text.startsWith('-') ? '-' : ''}${significant}e${power}`
}
