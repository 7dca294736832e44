// writer.js: a text, character by character, from the network of sampler.c. For pages and for node.
//
// model.wasm is the module in base64, model.symbols the characters by their numbers, each a byte as '\u0000' to '\u00ff'.
"use strict";

class Writer {
    static async create(model) {
        const bytes = Uint8Array.from(atob(model.wasm), c => c.charCodeAt(0));
        const { instance } = await WebAssembly.instantiate(bytes, {});
        return new Writer(instance.exports, model.symbols, bytes.length);
    }

    constructor(network, symbols, bytes) {
        this.network = network;
        this.symbols = symbols.map(s => s.charCodeAt(0));
        this.bytes = bytes; // of the module
        this.p = new Float32Array(network.memory.buffer, network.probabilities(), symbols.length);
    }

    // Begins a text with a prompt. Returns the bytes of it that the network has never seen; it passes over them.
    begin(prompt) {
        const unknown = [];
        this.decoder = new TextDecoder(); // of UTF-8, whose characters are up to four symbols
        this.network.reset();
        let read = 0;
        for (const byte of new TextEncoder().encode(prompt)) {
            const symbol = this.symbols.indexOf(byte);
            if (symbol < 0) unknown.push(byte);
            else read += 1 + this.network.feed(symbol);
        }
        if (!read) this.network.feed(0);
        return unknown;
    }

    // Draws a symbol with p ^ (1 / temperature), as much as that adds up to; at 0 the most probable. `random` is in [0, 1).
    draw(temperature, random) {
        const p = this.p;
        const best = p.reduce((at, value, i) => value > p[at] ? i : at, 0);
        if (temperature <= 0) return best;
        const weights = Array.from(p, value => Math.pow(value / p[best], 1 / temperature));
        let left = random * weights.reduce((a, b) => a + b);
        return Math.max(0, weights.findIndex(w => (left -= w) < 0));
    }

    // The next piece of text: a character, or "" in the middle of one.
    next(temperature, random) {
        const symbol = this.draw(temperature, random);
        this.network.feed(symbol);
        return this.decoder.decode(Uint8Array.of(this.symbols[symbol]), { stream: true });
    }
}

if (typeof module !== "undefined") module.exports = Writer;
