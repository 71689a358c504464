import { createHash } from 'node:crypto';
import { gzipSync } from 'node:zlib';
import { ICON, SCRIPT, STYLES } from './bundle.js';

/** A file of the page whose name changes with its content, so browsers may keep it. */
export interface PageFile {
  readonly name: string;
  readonly type: string;
  readonly content: Buffer;
  /** The same, for those who accept gzip. Made when it is first asked for. */
  readonly compressed: () => Buffer;
}

function pageFile(content: string, extension: string, type: string): PageFile {
  const hash = createHash('sha256').update(content).digest('hex').slice(0, 12);
  let compressed: Buffer | undefined;
  return {
    name: `app-${hash}.${extension}`,
    type,
    content: Buffer.from(content),
    compressed: () => (compressed ??= gzipSync(content)),
  };
}

export const SCRIPT_FILE = pageFile(SCRIPT, 'js', 'text/javascript; charset=utf-8');
export const STYLES_FILE = pageFile(STYLES, 'css', 'text/css; charset=utf-8');
export const ICON_FILE = pageFile(ICON, 'svg', 'image/svg+xml');

/** All names are relative, so the page works below any prefix, and behind a proxy that changes its path. */
export const DOCUMENT = `<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta name="color-scheme" content="light dark">
<meta name="robots" content="noindex">
<title>Replicas</title>
<link rel="icon" href="${ICON_FILE.name}" type="image/svg+xml">
<link rel="stylesheet" href="${STYLES_FILE.name}">
<script type="module" src="${SCRIPT_FILE.name}"></script>
</head>
<body>
<div id="app"></div>
<noscript>This page needs JavaScript. Its facts are also at <a href="state">state</a>, as JSON.</noscript>
</body>
</html>
`;

/** Headers of the document. Everything comes from its own origin, and nothing inline runs or styles it. */
export const DOCUMENT_HEADERS: Readonly<Record<string, string>> = {
  'content-security-policy': [
    "default-src 'none'",
    "script-src 'self'",
    "style-src 'self'",
    "connect-src 'self'",
    "img-src 'self'",
    "base-uri 'none'",
    "form-action 'none'",
    "frame-ancestors 'none'",
  ].join('; '),
  'cache-control': 'no-store',
  'referrer-policy': 'no-referrer',
  'x-content-type-options': 'nosniff',
  'x-frame-options': 'DENY',
};
