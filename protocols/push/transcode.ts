/**
 * Pushes in other forms than Loki's protobuf (JSON of Loki or of old, OTLP) written as that, as one piece of work that may be done in another thread. Pure.
 */
import { mediaType, type PushContent, type PushSizes, transcodeJson } from './content.ts'
import { type OtlpSettings, transcodeOtlp } from './decode-otlp.ts'

/** Structured-clone safe; its body arrives as a plain Uint8Array. */
export type Transcoding =
  | { readonly kind: 'loki'; readonly content: PushContent; readonly sizes: PushSizes }
  | { readonly kind: 'otlp'; readonly content: PushContent; readonly settings: OtlpSettings }

/** A `PushRequest`. Throws what decoding throws. */
export function transcode(task: Transcoding): Buffer {
  const { buffer, byteOffset, byteLength } = task.content.body
  const content = { ...task.content, body: Buffer.from(buffer, byteOffset, byteLength) }
  return task.kind === 'otlp' ? transcodeOtlp(content, task.settings) : transcodeJson(content, task.sizes)
}

/** Whether a push of Loki's own endpoints has to be. Throws `unsupported_media`. */
export const isJsonPush = ({ contentType }: PushContent): boolean => mediaType(contentType) === 'application/json'
