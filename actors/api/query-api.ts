/** Every endpoint that answers questions about a tenant's logs, for HTTP and NATS alike. */
import type { ApiEndpoint } from './api.ts'
import { detectedEndpoints } from './api-detected.ts'
import { exportEndpoints } from './api-export.ts'
import { formatEndpoints } from './api-format.ts'
import { legacyEndpoints } from './api-legacy.ts'
import { metadataEndpoints, type MetadataParts } from './api-metadata.ts'
import { patternEndpoints } from './api-patterns.ts'
import { queryEndpoints } from './api-query.ts'
import { volumeEndpoints } from './api-volume.ts'
import type { QueryFrontEnd } from '../query/query-front-end.ts'

export function queryApi(parts: MetadataParts, frontEnd: QueryFrontEnd): ApiEndpoint[] {
  const { services, querier } = parts
  return [
    ...queryEndpoints(services, querier, frontEnd),
    ...metadataEndpoints(parts),
    ...volumeEndpoints(parts),
    ...detectedEndpoints(services, frontEnd),
    ...patternEndpoints(services, frontEnd),
    ...formatEndpoints(frontEnd.answers),
    ...legacyEndpoints(services, frontEnd),
    ...exportEndpoints(services, frontEnd),
  ]
}
