// Asks a service by the compiled client (argv: the client's module, an address, a key) and prints what came of it.

const [, , module, url, key] = process.argv;
const { NoAnswer, Problem, Seealso } = await import(module);
const seealso = new Seealso({ url: `${url}/`, key });
const told = {};

async function failure(asked) {
  try {
    await asked;
  } catch (error) {
    return { name: error.name, problem: error instanceof Problem, status: error.status, field: error.field };
  }
  return null;
}

const block = await seealso.related("a000", { limit: 3, section: ["News", "Sport"], explain: true, exclude: undefined });
told.block = { id: block.id, count: block.related.length, why: typeof block.related[0].why.cosine };
told.address = (await seealso.related("http://news.example//x/y?z=ä")).id;
told.html = (await seealso.relatedHtml("a000", { limit: 2 })).split("<li").length - 1;
told.batch = (await seealso.relatedToMany({ articles: ["a000", "nobody"], limit: 1 })).unknown;
told.page = (await seealso.page({ article: "a000", blocks: [{ name: "below", limit: 2 }] })).blocks[0].name;
told.put = (await seealso.putArticle("new", { title: "Neap", body: "tides" })).state;
told.article = (await seealso.article("new")).title;
told.removed = (await seealso.removeArticle("new", { reason: "tried" })).state;
told.takedown = (await seealso.takeDown("a007", { reason: "tried" })).purge.keys;
told.restored = (await seealso.restore("a007", { reason: "tried" })).takedown.article;
told.events = (await seealso.events({ blocks: [{ article: "a000", shown: ["a003"] }] })) ?? "nothing";
told.status = (await seealso.status()).articles;
told.wrong = await failure(seealso.related("a000", { limit: 0 }));
told.unknown = await failure(seealso.article("nobody"));
told.stranger = await failure(new Seealso({ url }).takedowns());
told.gone = await failure(new Seealso({ url: "http://127.0.0.1:1" }).status());
const never = () => new Promise((_, reject) => {
  seen.signal.addEventListener("abort", () => reject(seen.signal.reason));
});
let seen;
const slow = new Seealso({ url, timeoutMs: 20, fetch: (_, init) => ((seen = init), never()) });
told.slow = await failure(slow.status());
told.stopped = await failure(seealso.status({ signal: AbortSignal.abort() }));
told.page_of_another = await failure(new Seealso({ url, fetch: async () => new Response("<p>") }).status());
const other = (body, init) => new Seealso({ url, fetch: async () => new Response(body, init) });
told.json_of_another = [];
for (const body of ["[]", "null", '"ok"', '{"status": "healthy"}']) {
  told.json_of_another.push((await failure(other(body).related("a000"))).name);
}
told.json_of_another.push((await failure(other("{}").events({ blocks: [] }))).name);
told.dots = [(await failure(seealso.related(".."))).name, (await failure(seealso.article("."))).name];
const decided = () => new Response('{"takedown": {}}', { headers: { "X-Seealso-Unconfirmed": "north" } });
told.unconfirmed = (await new Seealso({ url, fetch: async () => decided() }).takeDown("a", { reason: "x" })).unconfirmed;
told.named = [NoAnswer.name];
console.log(JSON.stringify(told));
