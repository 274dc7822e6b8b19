/** Bytes for people, in the units of the configuration (1 KB is 1024 bytes), so that a limit reads as it was set. Used by `status` and `push`. */

const UNITS = ['B', 'KB', 'MB', 'GB', 'TB'] as const

export function readableBytes(bytes: number): string {
  const power = bytes < 1024 ? 0 : Math.min(UNITS.length - 1, Math.floor(Math.log2(bytes) / 10))
  return `${power === 0 ? Math.round(bytes) : (bytes / 1024 ** power).toFixed(1)} ${UNITS[power]}`
}
