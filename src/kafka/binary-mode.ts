const PREFIX = 'ce_';

type Headers = Readonly<Record<string, string>>;

/** The attributes of a CloudEvent whose record has its data alone, as the Kafka protocol binding says. */
export const attributesOf = (headers: Headers): Headers | undefined => {
  const contentType = headers['content-type'] ?? '';
  if (headers.ce_specversion === undefined || contentType.startsWith('application/cloudevents')) return undefined;
  const attributes = Object.entries(headers).flatMap(([name, value]) =>
    name.startsWith(PREFIX) ? [[name.slice(PREFIX.length), value] as const] : [],
  );
  return Object.fromEntries([
    ...attributes,
    ...(contentType === '' ? [] : [['datacontenttype', contentType] as const]),
  ]);
};
