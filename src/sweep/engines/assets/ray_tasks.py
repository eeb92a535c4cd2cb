"""Does the passes of a study as tasks of Ray: started by ray.ts, with which it talks in frames over stdin and stdout.

A frame is four bytes with the length of its head, a head in JSON, and as many bytes as the head's "size" says.
"""
import json, os, queue, shutil, socket, struct, subprocess, sys, tempfile, threading, time

def write(stream, head, payload=b""):
    text = json.dumps({**head, "size": len(payload)}).encode()
    stream.write(struct.pack(">I", len(text)) + text + payload)
    stream.flush()

def read(stream):
    start = stream.read(4)
    if len(start) < 4:
        return None, b""
    head = json.loads(stream.read(struct.unpack(">I", start)[0]))
    return head, stream.read(head["size"])

def lay(folder, files, payload):
    at = 0
    for name, size in files:
        path = os.path.join(folder, name)
        os.makedirs(os.path.dirname(path), exist_ok=True)
        with open(path, "wb") as file:
            file.write(payload[at:at + size])
        at += size

def changed(folder, seen):
    """Files that are other than when they were last looked at; locks belong to processes and stay."""
    found, parts = [], []
    for place, _, names in os.walk(folder):
        for name in names:
            path = os.path.join(place, name)
            if name.startswith("lock-") or ".unfinished" in name:
                continue
            try:
                stat = os.stat(path)
                key = (stat.st_mtime_ns, stat.st_size)
                if seen.get(path) == key:
                    continue
                with open(path, "rb") as file:
                    data = file.read()
            except FileNotFoundError:
                continue
            seen[path] = key
            found.append([os.path.relpath(path, folder), len(data)])
            parts.append(data)
    return found, b"".join(parts)

def missing(worker):
    """What this node lacks."""
    node = shutil.which("node")
    if not node:
        return "Node: no `node` on its PATH"
    version = subprocess.run([node, "--version"], capture_output=True, text=True).stdout.strip()
    major, minor = (int(part) for part in version.lstrip("v").split(".")[:2])
    if (major, minor) < (20, 19):
        return f"Node 20.19 or newer: it has {version}"
    if not os.path.exists(worker):
        return f"gradbook at the same place as on the driver: {worker} is not there"
    return None

def passes(worker, load, run, files, payload, folder_name, control, id):
    """One pass, on whichever node: what it says, as it says it."""
    import ray
    lacks = missing(worker)
    name = socket.gethostname() + " " + ray.get_runtime_context().get_node_id()[:8]
    if lacks:
        yield {"type": "lacks", "what": f"node {name} lacks {lacks}"}, b""
        return
    folder = tempfile.mkdtemp(prefix="gradbook-ray-")
    place = os.path.join(folder, folder_name)
    os.makedirs(place, exist_ok=True)
    lay(place, files, payload)
    child = subprocess.Popen(["node", worker], cwd=folder, stdin=subprocess.PIPE, stdout=subprocess.PIPE)
    said = queue.Queue()
    def listen():
        while True:
            head, body = read(child.stdout)
            said.put((head, body))
            if head is None:
                return
    threading.Thread(target=listen, daemon=True).start()
    asked = set()
    def ask():
        while child.poll() is None:
            try:
                for word in ray.get(control.wanted.remote(id)):
                    if word in asked:
                        continue
                    asked.add(word)
                    write(child.stdin, {"type": "prune", "why": word[6:]} if word.startswith("prune ") else {"type": "stop"})
            except Exception:
                pass
            time.sleep(0.1)
    seen = {}
    changed(place, seen)
    try:
        write(child.stdin, {"type": "load"}, load)
        write(child.stdin, {"type": "run", "folder": folder_name}, run)
        threading.Thread(target=ask, daemon=True).start()
        while True:
            head, body = said.get()
            if head is None:
                yield {"type": "lost", "why": f"its worker on node {name} ended (code {child.wait()})"}, b""
                return
            if head["type"] in ("calls", "ended"):
                found, data = changed(place, seen)
                if found:
                    yield {"type": "files", "files": found}, data
            yield head, body
            if head["type"] in ("ended", "refused"):
                return
    finally:
        child.kill()
        shutil.rmtree(folder, ignore_errors=True)

class Control:
    """What passes are asked to do; they look here."""
    def __init__(self):
        self.words = {}
    def ask(self, id, word):
        self.words.setdefault(id, []).append(word)
    def wanted(self, id):
        return self.words.get(id, [])

def nodes(ray):
    return [node for node in ray.nodes() if node["Alive"]]

def main():
    stdin, stdout = sys.stdin.buffer, os.fdopen(os.dup(1), "wb")
    # What Ray and Python print is no frame.
    os.dup2(2, 1)
    lock = threading.Lock()
    def tell(head, body=b""):
        with lock:
            write(stdout, head, body)
    settings, _ = read(stdin)
    try:
        import ray
    except ImportError:
        return tell({"type": "fatal", "why": f"{sys.executable} has no Ray: {sys.executable} -m pip install ray"})
    address = settings.get("address")
    if address and address != "auto" and "://" not in address:
        host, port = address.rsplit(":", 1)
        try:
            socket.create_connection((host, int(port)), timeout=5).close()
        except OSError as error:
            return tell({"type": "fatal", "why": f"no cluster answers at {address} ({error})"})
    try:
        ray.init(address=address, log_to_driver=False, logging_level="ERROR", **settings.get("init", {}))
    except Exception as error:
        return tell({"type": "fatal", "why": f"{type(error).__name__}: {error}"})
    from ray.util.scheduling_strategies import NodeAffinitySchedulingStrategy
    here = ray.get_runtime_context().get_node_id()
    control = ray.remote(Control).options(num_cpus=0, max_concurrency=8, scheduling_strategy=NodeAffinitySchedulingStrategy(here, soft=False)).remote()
    if settings.get("check"):
        found = []
        look = ray.remote(missing)
        for node in nodes(ray):
            strategy = NodeAffinitySchedulingStrategy(node["NodeID"], soft=False)
            lacks = ray.get(look.options(num_cpus=0, scheduling_strategy=strategy).remote(settings["worker"]))
            found.append({"node": node["NodeID"][:8], "address": node["NodeManagerAddress"], "resources": node["Resources"], "lacks": lacks})
        return tell({"type": "checked", "version": ray.__version__, "nodes": found})
    task = ray.remote(passes)
    resources = {"num_cpus": settings["num_cpus"], "num_gpus": settings["num_gpus"], "resources": settings.get("resources") or {}}
    tell({"type": "ready", "version": ray.__version__, "resources": ray.cluster_resources()})
    load = None
    def follow(head, body):
        id, edge = head["id"], head["run"]
        try:
            stream = task.options(num_returns="streaming", max_retries=0, **resources).remote(
                settings["worker"], load, body[:edge], head["files"], body[edge:], head["folder"], control, id)
            for ref in stream:
                said, data = ray.get(ref)
                tell({**said, "id": id}, data)
            tell({"type": "over", "id": id})
        except Exception as error:
            tell({"type": "lost", "id": id, "why": f"its node or worker was lost ({type(error).__name__})"})
    while True:
        head, body = read(stdin)
        if head is None:
            return
        if head["type"] == "load":
            load = ray.put(body)
        elif head["type"] == "run":
            threading.Thread(target=follow, args=(head, body), daemon=True).start()
        elif head["type"] in ("stop", "prune"):
            control.ask.remote(head["id"], "stop" if head["type"] == "stop" else "prune " + head["why"])

main()
sys.stdout.flush()
os._exit(0)
