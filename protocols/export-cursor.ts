/**
 * Where an export goes on: the time of the last entry that was sent, and which entries of that very time were sent already. As text it is the `next` token of a page;
 * clients keep it and hand it back unread. Pure.
 */
import { SkaldError } from '../runtime/errors.ts'

export interface ExportCursor {
  /** Decimal text. */
  readonly ns: string
  /** Identities of entries of that time. */
  readonly sent: ReadonlyArray<string>
}

const TOKEN_CHARS_MAX = 1 << 20

export function encodeCursor({ ns, sent }: ExportCursor): string {
  return Buffer.from(JSON.stringify([ns, ...sent])).toString('base64url')
}

/** Throws `bad_request`. */
export function decodeCursor(token: string): ExportCursor {
  const parts = token.length > TOKEN_CHARS_MAX ? null : partsOf(token)
  const [ns, ...sent] = parts ?? []
  if (ns === undefined || !/^\d{1,19}$/.test(ns)) throw new SkaldError('bad_request', 'cannot read the cursor: it is not one that an export gave')
  return { ns, sent }
}

function partsOf(token: string): ReadonlyArray<string> | null {
  try {
    const parts: unknown = JSON.parse(Buffer.from(token, 'base64url').toString('utf8'))
    return Array.isArray(parts) && parts.every((part) => typeof part === 'string') ? parts : null
  } catch {
    return null
  }
}
