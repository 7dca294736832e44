// web.js MODULE: runs a WebAssembly module of web.c, which imports nothing.
const bytes = require("fs").readFileSync(process.argv[2]);
WebAssembly.instantiate(bytes, {}).then(({ instance }) => {
    const failed = instance.exports.run(), at = instance.exports.message();
    const text = new Uint8Array(instance.exports.memory.buffer, at, 80);
    console.log(Buffer.from(text.subarray(0, text.indexOf(0))).toString());
    process.exitCode = failed ? 1 : 0;
});
