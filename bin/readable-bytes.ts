/** Bytes for people: three significant digits at most, decimal units. Used by `status` and `push`. */

const UNITS = ['B', 'kB', 'MB', 'GB', 'TB'] as const

export function readableBytes(bytes: number): string {
  const power = bytes < 1000 ? 0 : Math.min(UNITS.length - 1, Math.floor(Math.log10(bytes) / 3))
  return `${power === 0 ? Math.round(bytes) : (bytes / 1000 ** power).toFixed(1)} ${UNITS[power]}`
}
