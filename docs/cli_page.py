"""The reference of the command lines, from the calls that declare them, and of the CNI plugin."""
import re

from cpp_tables import calls, code, read, table, text_of

MADE = "<!-- Made by docs/generate.py from the programs' sources. -->\n"


def options(source):
    """(flags, meaning) of each add_option, add_flag and add_flag_callback in a source."""
    for match in re.finditer(r"(\w+)(?:\.|->)add_(option|flag|flag_callback)\(", source):
        arguments = next(calls(source[match.start():], "add_" + match[2]))
        if arguments[0][0][0] == "text":
            yield match[1], text_of(arguments[0]), text_of(arguments[-1])


def default_of(struct, member):
    match = re.search(r"std::string " + member + r" = \"([^\"]*)\"", struct)
    return match[1] if match else ""


def daemon(source):
    return table(["flag", "meaning"], [(code(f), m) for _, f, m in options(source)] +
                 [("`--version`", "print the version and end"), ("`--help`", "print the flags and end")])


def weftctl():
    source = read("cli/main.cc")
    verbs = [(text_of(a[2]), text_of(a[3]), text_of(a[4])) for a in calls(source, "add_topic") if a[2][0][0] == "text"]
    of = {}
    for owner, flag, meaning in options(source):
        of.setdefault(owner, []).append((flag, meaning))
    common = dict(of["command"])
    rows = []
    for verb, meaning, pods in verbs:
        flags = ([f"[`POD`] [`{f}`]" for f in common if f.startswith("-")] if pods == "true" else [])
        flags += [f"[`{f}`]" for f, _ in of.get(verb, [])]
        rows.append((code(verb), " ".join(flags), meaning))
    rows.append(("`token`", "see below", "print a node agent's token, signed with the control plane's key"))
    arguments = [(code("POD"), common["pod"]), *((code(f), m) for f, m in common.items() if f.startswith("-"))]
    arguments += [(code(f) + f" of {verb}", m) for verb, _, _ in verbs for f, m in of.get(verb, [])]
    return rows, [(code(f), m) for f, m in of["app"]], arguments, of["token"]


def verbs():
    return [row[0].strip("`") for row in weftctl()[0]]


def token_rows(flags):
    struct = read("cli/token.h")
    members = {"--namespace": "name_space", "--lifetime": ""}
    for flag, meaning in flags:
        member = members.get(flag, flag[2:].replace("-", "_"))
        default = "24h" if flag == "--lifetime" else default_of(struct, member)
        yield code(flag), "**required**" if flag == "--node" else code(default), meaning


CNI_MEANING = {
    "kIncompatibleVersion": ("`cniVersion` is none that we speak, or no version is common with the IPAM plugin", "fix the network configuration"),
    "kUnsupportedField": ("an unknown key, `ipMasq: true`, or `prevResult` on ADD (chaining)", "fix the network configuration"),
    "kUnknownContainer": ("CHECK of an attachment that the data plane does not know", "the runtime makes the sandbox again"),
    "kInvalidEnvironment": ("a CNI variable is missing or malformed, or the data plane refuses the request as invalid", "read `msg`"),
    "kIo": ("`pipe`, `fork` or `waitpid` failed", "the node is out of processes or memory"),
    "kDecoding": ("stdin or `prevResult` cannot be read", "fix the network configuration"),
    "kInvalidConfig": ("a value of the network configuration is wrong, `ipam` is missing, or its plugin is not in `CNI_PATH`", "fix the network configuration"),
    "kTryAgainLater": ("the data plane does not answer on its socket, or not within 30 s", "kubelet retries; look at weft-dataplane"),
    "kNotAvailable": ("STATUS: the data plane does not answer, or the IPAM plugin is unusable", "the runtime reports the node's network as not ready"),
    "kNotAvailableLimited": ("not used", ""),
    "kInternal": ("the data plane refused: `msg` has its words", "read `msg`, then the data plane's log, scope `pods`"),
    "kIpamFailed": ("the IPAM plugin failed: `msg` has its words", "host-local: is the range full?"),
}


def cni_keys():
    return re.findall(r'"([^"]+)"', re.search(r"kKnownKeys = \{(.*?)\};", read("cni/request.cc"), re.S)[1])


def cni():
    codes = re.findall(r"(k\w+) = (\d+),", read("cni/error.h"))
    versions = re.search(r"kVersions\[\] = \{(.*?)\};", read("cni/request.h"))[1]
    commands = re.findall(r'\{"([A-Z]+)", Command', read("cni/request.cc"))
    return (f"Versions spoken: {', '.join(re.findall(r'[0-9.]+', versions))}. Commands: {', '.join(map(code, commands))}. "
            "Keys of the network configuration:\n" + ", ".join(map(code, cni_keys())) +
            ".\nAny other key is refused. An example: `configs/cni/10-weft.conflist`.\n\n"
            "| key | type | default | meaning |\n|---|---|---|---|\n"
            "| `socket` | text | `/run/weft/node.sock` | the data plane's UNIX socket |\n"
            "| `mtu` | number, 1280 to 65535 | the data plane's `pods.mtu` | of the pod's interface |\n"
            "| `ipam` | object | **required** | handed to the plugin that `ipam.type` names, found in `CNI_PATH`, in the newest version "
            "that both speak |\n\n"
            "- **ADD** asks the data plane whether it knows the attachment; if so it answers the same again, else it gets addresses from "
            "IPAM and\n  has the pod port made. If that fails the addresses go back.\n"
            "- **DEL** has the pod's connections reset and its port removed, then gives the addresses back. Without a data plane it fails "
            "(11):\n  an address that went back early would give the next pod the old one's state.\n"
            "- **CHECK** compares `prevResult` with the data plane and the device, then asks IPAM.\n"
            "- **GC** removes what is not in `cni.dev/valid-attachments`, and gives each address back by a DEL of IPAM.\n"
            "- **STATUS** succeeds when the data plane answers and IPAM is usable.\n\n"
            "`CNI_ARGS` must hold `K8S_POD_NAMESPACE` and `K8S_POD_NAME`; `K8S_POD_UID` is used when it is there. Exit code 0: done; "
            "1: an error\nas JSON on stdout:\n\n" +
            table(["code", "when", "what to do"], [(number, *CNI_MEANING[name]) for name, number in codes]))


def cli():
    rows, general, arguments, token = weftctl()
    return (MADE + "# Command lines\n\n## weftctl\n\n`weftctl [FLAGS] VERB`. Asks the data plane of this node by its UNIX socket, "
            "which root alone may open. `token` needs no data plane.\nTables are for people; `-o json` is for programs.\n\n" +
            table(["flag", "meaning"], general) + "\n" + table(["verb", "arguments", "prints"], rows) + "\n" +
            table(["argument", "meaning"], arguments) +
            "\nWithout `--limit` at most 1000 records. `explain` knows the last 512 decisions of each worker. Exit codes: 0 done; "
            "1 the data plane does\nnot answer or failed; 2 wrong usage, or a pod that is not attached here.\n\n"
            "### weftctl token\n\nRun it where the control plane's CA directory is. Its output is what the data plane's "
            "`ca.token_file` holds.\n\n" +
            table(["flag", "default", "meaning"], token_rows(token)) +
            "\nThe account must be in the control plane's `ca.trusted_node_accounts`.\n\n## weft-dataplane\n\n" +
            daemon(read("dataplane/main.cc")) +
            "\nExit codes: 0 ended by a signal, or `--check` found nothing wrong; 1 a device, a port or a socket could not be had (one "
            "error line says\nwhich); 2 the configuration file is wrong, nothing was started; above 100: unknown flag. SIGTERM and SIGINT end it. "
            "There is no reload:\nrestart it.\n\n## weft-controlplane\n\n" + daemon(read("controlplane/main.cc")) +
            "\nExit codes: 0 ended by a signal, or `--check` found nothing wrong; 1 it could not start; 2 wrong flags or configuration "
            "file.\nSIGTERM and SIGINT end it. SIGHUP reads certificate lifetimes and logging again.\n\n## weft-cni\n\n" + cni())
