// Renders the compiled component of examples/nextjs (argv: its module, an article) to HTML, as a server does.

import { renderToStaticMarkup } from "react-dom/server";

const [, , module, article] = process.argv;
const { default: Related } = await import(module);
const element = await Related({ article, limit: 4 });
console.log(element === null ? "null" : renderToStaticMarkup(element));
