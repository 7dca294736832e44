// write.js: node WRITER.js MODEL.js PROMPT COUNT: what examples/browser writes after a prompt, the likeliest characters.
"use strict";
const fs = require("fs");
const [writer, model, prompt, count] = process.argv.slice(2);
const MODEL = new Function(fs.readFileSync(model, "utf8") + "; return MODEL;")();

require(writer).create(MODEL).then(w => {
    if (w.begin(prompt + "\u00e9").length !== 2) throw new Error("no two bytes of an e with an accent are unknown");
    let text = prompt;
    for (let i = 0; i < Number(count); i++) text += w.next(0, 0);
    w.begin(prompt);
    const drawn = new Set();
    for (let i = 0; i < 200; i++) drawn.add(w.draw(1e6, i / 200));
    if (drawn.size !== MODEL.symbols.length) throw new Error("a high temperature does not draw every character");
    if (w.draw(0.01, 0.999) !== w.draw(0, 0)) throw new Error("a low temperature does not draw the likeliest");
    console.log(text);
});
