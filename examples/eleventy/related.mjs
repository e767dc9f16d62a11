// The blocks of an Eleventy site's articles, asked for once before it is built: node related.mjs posts _data/related.json
//
// An article's id is what its front matter says as `seealso:` or `id:`, else the name of its file. Needs node 20 or later
// alone. If the service does not answer, the blocks of the last build stay, and the build goes on.

import { access, mkdir, readdir, readFile, rename, writeFile } from "node:fs/promises";
import { basename, dirname, join } from "node:path";

const SERVICE = process.env.SEEALSO_SERVICE ?? "http://127.0.0.1:8080";
const KEY = process.env.SEEALSO_SERVICE_KEY; // if the service has SEEALSO_READING=keyed
const LIMIT = 6;
const AT_ONCE = 500; // as many as the service takes
const MILLISECONDS_MAX = 60_000;
const FRONT = /^---\s*$([\s\S]*?)^---\s*$/m;
const DATED = /\d{4}-\d{2}-\d{2}-(.*)/; // the date that Eleventy leaves out of `page.fileSlug`
const ID = /^(?:seealso|id)\s*:\s*["']?(.+?)["']?\s*$/m;

async function articleIds(folder) {
  const names = (await readdir(folder, { recursive: true })).filter((name) => name.endsWith(".md")).sort();
  const ids = await Promise.all(names.map((name) => articleId(join(folder, name))));
  return [...new Set(ids)];
}

async function articleId(path) {
  const front = FRONT.exec(await readFile(path, "utf8"));
  const said = front && ID.exec(front[1]);
  if (said) return said[1];
  const slug = undated(basename(path, ".md"));
  return slug === "index" ? undated(basename(dirname(path))) : slug;
}

function undated(name) {
  return DATED.exec(name)?.[1] ?? name;
}

async function blocksOf(ids) {
  const blocks = {};
  for (let first = 0; first < ids.length; first += AT_ONCE) {
    const answer = await fetch(`${SERVICE}/v1/related`, {
      method: "POST",
      headers: { "Content-Type": "application/json", ...(KEY && { Authorization: `Bearer ${KEY}` }) },
      body: JSON.stringify({ articles: ids.slice(first, first + AT_ONCE), limit: LIMIT }),
      signal: AbortSignal.timeout(MILLISECONDS_MAX),
    });
    if (!answer.ok) throw new Error(`${answer.status}: ${await answer.text()}`);
    for (const block of (await answer.json()).blocks) blocks[block.id] = block.related;
  }
  return blocks;
}

const [, , folder, data] = process.argv;
const ids = await articleIds(folder);
await mkdir(dirname(data), { recursive: true });
try {
  const blocks = await blocksOf(ids);
  await writeFile(`${data}.new`, JSON.stringify(blocks));
  await rename(`${data}.new`, data);
  console.error(`related.mjs: ${Object.keys(blocks).length} of ${ids.length} articles have a block`);
} catch (error) {
  console.error(`related.mjs: ${SERVICE} did not answer, the blocks of the last build stay (${error})`);
  await access(data).catch(() => writeFile(data, "{}"));
}
