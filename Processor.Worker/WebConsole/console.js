// What the console does beyond links and forms. Every page works without it.
'use strict';

// Text of others, as Inert.cs shows it: invisible characters become visible, and the length is limited.
const invisible = /[\u0000-\u001f\u007f-\u009f\u200b-\u200f\u2028-\u202e\u2060-\u2069\u061c\ufeff]/g;
const inert = text => (text.length > 500 ? text.slice(0, 500) + '…' : text).replace(invisible, '\ufffd');

// Times in the viewer's zone, with UTC in the title.
const pad = (number, length = 2) => String(number).padStart(length, '0');
function localise(root) {
    for (const time of root.querySelectorAll('time[datetime]:not([title])')) {
        const at = new Date(time.dateTime);
        time.title = `${time.dateTime.slice(0, 19).replace('T', ' ')} UTC`;
        time.textContent = `${at.getFullYear()}-${pad(at.getMonth() + 1)}-${pad(at.getDate())} ${pad(at.getHours())}:${pad(at.getMinutes())}:${pad(at.getSeconds())}`;
    }
    const zone = document.querySelector('[data-zone]');
    if (zone) {
        zone.textContent = `Times are in your zone, ${Intl.DateTimeFormat().resolvedOptions().timeZone}; UTC shows on hover. In fields they are UTC.`;
    }
}

// A page with data-refresh shows its content anew every few seconds, unless it is hidden or someone types in it.
async function refresh() {
    const main = document.querySelector('main');
    const active = document.activeElement;
    if (document.hidden || (main.contains(active) && active.matches('input, select, button'))) {
        return;
    }
    const answer = await fetch(location.href).catch(() => null);
    if (answer?.redirected) {
        location.reload();
    }
    if (answer?.ok && !answer.redirected) {
        const next = new DOMParser().parseFromString(await answer.text(), 'text/html');
        const focused = main.contains(active) ? active.getAttribute('href') : null;
        const selected = main.querySelector('tr.selected a')?.getAttribute('href');
        const content = next.querySelector('main');
        localise(content);
        main.replaceWith(content);
        find(content, focused)?.focus();
        find(content, selected)?.closest('tr')?.classList.add('selected');
        if (!next.body.dataset.refresh) {
            delete document.body.dataset.refresh;
        }
    }
}
const find = (root, href) => href ? [...root.querySelectorAll('a')].find(link => link.getAttribute('href') === href) : undefined;
// Each time counts from the answer before: a slow server is not asked twice at once.
async function keepFresh() {
    while (document.body.dataset.refresh) {
        await new Promise(done => setTimeout(done, document.body.dataset.refresh * 1000));
        await refresh().catch(() => null);
    }
}
keepFresh();

// The page Live: new events come first, and the oldest rows go.
const maxRows = 200;
function listen(table) {
    const body = table.tBodies[0];
    const pause = document.querySelector('[data-pause]');
    const state = document.querySelector('[data-state]');
    const waiting = [];
    let isPaused = false;
    const show = message => { state.textContent = message; };
    const report = () => show(isPaused ? `Paused, ${waiting.length === maxRows ? 'at least ' : ''}${waiting.length} waiting.` : 'Live.');
    const add = event => {
        if (!body.querySelector(`[data-id="${CSS.escape(event.eventId)}"]`)) {
            body.prepend(createRow(event));
            localise(body);
            document.querySelector('.empty')?.remove();
        }
        while (body.rows.length > maxRows) {
            body.lastElementChild.remove();
        }
    };
    pause.hidden = false;
    pause.addEventListener('click', () => {
        isPaused = !isPaused;
        pause.textContent = isPaused ? 'Continue' : 'Pause';
        waiting.splice(0).forEach(add);
        report();
    });
    const source = new EventSource(table.dataset.stream);
    source.addEventListener('event', message => {
        const event = JSON.parse(message.data);
        if (isPaused) {
            waiting.push(event);
            waiting.splice(0, waiting.length - maxRows);
            report();
        } else {
            add(event);
        }
    });
    source.addEventListener('open', report);
    source.addEventListener('error', () => show(source.readyState === EventSource.CLOSED ? 'Not connected: reload the page.' : 'Reconnecting …'));
}

function createRow(event) {
    const row = document.createElement('tr');
    row.dataset.id = event.eventId;
    const cell = (...content) => row.insertCell().append(...content);
    const link = (href, content) => Object.assign(document.createElement('a'), { href }).appendChild(content).parentNode;
    const plain = text => Object.assign(document.createElement('bdi'), { textContent: inert(text) });
    const time = document.createElement('time');
    time.dateTime = new Date(event.receivedAt).toISOString();
    cell(link(`/console/events/${encodeURIComponent(event.eventId)}`, time));
    cell(plain(event.type));
    cell(link(`/console/job?id=${encodeURIComponent(event.jobId)}`, plain(event.jobId)));
    cell(`${Math.max(0, Math.round(new Date(event.processedAt) - new Date(event.receivedAt)))} ms`);
    cell(event.origin, event.late ? ', late' : '');
    return row;
}

// Keys: / searches, j and k walk the rows, Enter opens one, ? shows this.
function select(step) {
    const rows = [...document.querySelectorAll('main tbody tr:has(a)')];
    const next = rows[Math.min(Math.max(rows.findIndex(row => row.classList.contains('selected')) + step, 0), rows.length - 1)];
    document.querySelector('tr.selected')?.classList.remove('selected');
    next?.classList.add('selected');
    next?.querySelector('a').focus();
}
document.addEventListener('keydown', event => {
    if (event.ctrlKey || event.metaKey || event.altKey || event.target.matches('input, select, textarea')) {
        return;
    }
    const help = document.querySelector('dialog');
    const keys = {
        '/': () => document.querySelector('main .filters input')?.focus(),
        'j': () => select(1),
        'k': () => select(-1),
        '?': () => help.open ? help.close() : help.showModal(),
    };
    if (Object.hasOwn(keys, event.key)) {
        event.preventDefault();
        keys[event.key]();
    }
});

localise(document);
document.querySelectorAll('table[data-stream]').forEach(listen);
