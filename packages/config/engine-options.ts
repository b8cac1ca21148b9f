import { anyText, certificates, devOr, minute_ms, urls, whole } from './kinds.ts'

/** Where the search engine is, and how it keeps what it is given. */
export const engineOptions = {
  ELASTICSEARCH_URL: urls({
    about: 'Elasticsearch; of several, another is asked where one is away; empty: Postgres answers searches.',
    protocols: ['http:', 'https:'],
    default: '',
    secret: true,
  }),
  ELASTICSEARCH_CLOUD_ID: anyText({
    about: 'A deployment in Elastic Cloud; used instead of ELASTICSEARCH_URL.',
    min: 0,
    max: 1_000,
    pattern: /^([^:]+:[\w+/-]+=*)?$/,
    of: 'characters as Elastic Cloud gives them: a name, a colon, base64',
    default: '',
  }),
  ELASTICSEARCH_API_KEY: anyText({
    about: 'API key for Elasticsearch, as its answer calls it `encoded`; goes before a user in the URL.',
    min: 0,
    max: 1_000,
    pattern: /^([\w+/-]+=*)?$/,
    of: 'characters of base64',
    default: '',
    secret: true,
  }),
  ELASTICSEARCH_CA_FILE: certificates({
    about: 'Who vouches for the certificate of Elasticsearch; empty: whom Node trusts.',
    default: '',
  }),
  INDEX_SHARDS: whole({
    about: 'Shards of a search index. Of one that stands they never change: it takes a new one.',
    min: 1,
    max: 1_024,
    default: '1',
  }),
  INDEX_REPLICAS: whole({
    about: 'Copies of each shard on other nodes; what stands takes the change within minutes.',
    min: 0,
    max: 10,
    default: devOr('0', '1'),
  }),
  INDEX_REFRESH_MS: whole({
    about:
      'How often what was indexed becomes searchable, in milliseconds; what stands takes the change within minutes.',
    min: 100,
    max: minute_ms,
    default: '1000',
  }),
  SNAPSHOT_REPOSITORY: anyText({
    about:
      'Where snapshots of search indices go: a repository of this name, made in a folder of this name below path.repo if there is none; empty: none.',
    min: 0,
    max: 100,
    pattern: /^([a-z0-9][a-z0-9._-]*)?$/,
    of: 'characters: a-z, 0-9, and after the first also . _ -',
    default: 'ordermill',
  }),
}
