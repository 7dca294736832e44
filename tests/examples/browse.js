// browse.js: node browse.js URL COUNT: opens a page of examples/browser in headless Chromium, waits until it has written
// COUNT characters, and prints its text; on standard error, its note. By chromedriver, which waits in real time.
"use strict";
const { spawn } = require("child_process");
const [url, count] = process.argv.slice(2);
const driver = spawn("chromedriver", ["--port=0"], { stdio: ["ignore", "pipe", "ignore"] });

const port = new Promise((found, failed) => {
    let said = "";
    driver.stdout.on("data", part => {
        const match = /started successfully on port (\d+)/.exec(said += part);
        if (match) found(match[1]);
    });
    driver.on("error", failed);
    driver.on("exit", () => failed(new Error("chromedriver says: " + said)));
});

async function call(method, path, body) {
    const answer = await fetch(`http://127.0.0.1:${await port}/session${path}`, { method, body: body && JSON.stringify(body) });
    const { value } = await answer.json();
    if (value && value.error) throw new Error(value.message);
    return value;
}

async function browse() {
    const args = ["--headless", "--no-sandbox", "--disable-gpu", "--disable-dev-shm-usage"];
    const options = { capabilities: { alwaysMatch: { "goog:chromeOptions": { args } } } };
    const { sessionId } = await call("POST", "", options);
    const text = id => call("POST", `/${sessionId}/execute/sync`,
        { script: `return document.getElementById("${id}").textContent`, args: [] });
    try {
        await call("POST", `/${sessionId}/url`, { url });
        for (const end = Date.now() + 60000; await text("written") !== count;) {
            if (Date.now() > end) throw new Error("it has written " + await text("written") + " after a minute");
            await new Promise(go => setTimeout(go, 50));
        }
        console.error(await text("note"));
        console.log(await text("text"));
    } finally {
        await call("DELETE", `/${sessionId}`);
    }
}

browse().catch(error => {
    console.error(error.message);
    process.exitCode = 1;
}).finally(() => driver.kill());
