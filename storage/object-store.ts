/**
 * The object store port: where segments live. Implementations: `object-store-fs.ts`, `object-store-s3.ts`, `object-store-memory.ts`; every one passes
 * `test/conformance/object-store.ts`. Only `actors/root.ts` chooses one. Keys are relative, `/`-separated, of `[A-Za-z0-9._=-]` parts.
 *
 * Never relies on conditional writes (not every S3 has them): segment names follow from their content's origin (F3), so putting twice is harmless.
 */
export interface ObjectInfo {
  readonly key: string
  readonly sizeBytes: number
  readonly modifiedMs: number
}

/** All methods reject with `SkaldError` (`not_found`, `storage_unavailable`, `storage_corrupt`); a put is all or nothing. */
export interface ObjectStore {
  put(key: string, body: Uint8Array, signal?: AbortSignal): Promise<void>
  /** Exactly `lengthBytes` bytes from `offset`; a negative offset counts from the end (then `lengthBytes` bytes or the whole object if it is shorter). */
  getRange(key: string, offset: number, lengthBytes: number, signal?: AbortSignal): Promise<Buffer>
  head(key: string, signal?: AbortSignal): Promise<ObjectInfo>
  /** In key order, pages hidden. */
  list(prefix: string, signal?: AbortSignal): AsyncIterable<ObjectInfo>
  /** Missing keys are not errors. */
  delete(keys: ReadonlyArray<string>, signal?: AbortSignal): Promise<void>
  close(): Promise<void>
}
