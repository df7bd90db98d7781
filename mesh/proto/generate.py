#!/usr/bin/env python3
"""Generate the C++ of every protobuf message that Weft speaks, as a few compilation units.

  generate.py --wheel XDS_PROTOS.whl --protos DIR --out DIR --units N

Envoy's API comes from the published descriptors in the wheel (envoy_descriptors.py); Istio's and our own from the
.proto files under DIR. Generated files go to OUT/gen; OUT/proto_K.cc includes a share of them, because compiling 200
small files one by one costs three times as much as compiling a few large ones.
"""
import argparse
import pathlib
import subprocess
import zipfile

import envoy_descriptors

WELL_KNOWN = ["any", "api", "descriptor", "duration", "empty", "field_mask", "source_context", "struct", "timestamp",
              "type", "wrappers"]
FILE_STATICS = ["schemas", "file_default_instances"]


def has_service(name):
    return name.endswith(("/ads.proto", "_service.proto")) or name == "security/v1alpha1/ca.proto"


def protoc(sources, *flags):
    subprocess.run(["protoc", *flags, *sources], check=True)


def descriptor_sets(args, out):
    """Two descriptor sets: protobuf's well-known files, then Envoy's closure. Returns the paths and Envoy's file names."""
    well_known, envoy = out / "well_known.binpb", out / "envoy.binpb"
    protoc([f"google/protobuf/{name}.proto" for name in WELL_KNOWN], "-I/usr/include", "--include_imports",
           f"--descriptor_set_out={well_known}")
    with zipfile.ZipFile(args.wheel) as wheel:
        files = envoy_descriptors.closure(wheel)
    envoy.write_bytes(b"".join(b"\x0a" + envoy_descriptors.encode_varint(len(d)) + d for d in files.values()))
    return [well_known, envoy], list(files)


def generate(names, gen, *inputs):
    protoc(names, *inputs, f"--cpp_out={gen}")
    services = [name for name in names if has_service(name)]
    if services:
        plugin = subprocess.run(["which", "grpc_cpp_plugin"], check=True, capture_output=True, text=True).stdout.strip()
        protoc(services, *inputs, f"--grpc_out={gen}", f"--plugin=protoc-gen-grpc={plugin}")


def write_units(gen, out, count):
    """Spread the sources over `count` files, the largest first onto the lightest unit, so that they compile evenly."""
    units = [[0, []] for _ in range(count)]
    for source in sorted(gen.rglob("*.cc"), key=lambda path: (-path.stat().st_size, path)):
        lightest = min(units, key=lambda unit: unit[0])
        lightest[0] += source.stat().st_size
        lightest[1].append(source.relative_to(gen))
    for index, (_, sources) in enumerate(units):
        text = "#include <google/protobuf/generated_message_reflection.h>\n"
        for number, source in enumerate(sorted(sources)):
            # protoc gives these two statics the same name in every file.
            text += "".join(f"#undef {name}\n#define {name} {name}_{number}\n" for name in FILE_STATICS)
            text += f'#include "{source}"\n'
        (out / f"proto_{index}.cc").write_text(text)


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    for name in ("wheel", "protos", "out", "units"):
        parser.add_argument(f"--{name}", required=True)
    args = parser.parse_args()
    out, protos = pathlib.Path(args.out), pathlib.Path(args.protos)
    gen = out / "gen"
    gen.mkdir(parents=True, exist_ok=True)
    sets, envoy_names = descriptor_sets(args, out)
    generate(envoy_names, gen, "--descriptor_set_in=" + ":".join(map(str, sets)))
    own = sorted(str(path.relative_to(protos)) for path in protos.rglob("*.proto"))
    generate(own, gen, f"-I{protos}", "-I/usr/include")
    write_units(gen, out, int(args.units))
    (out / "protos.h").write_text("// Marks the generated headers as made.\n")


if __name__ == "__main__":
    main()
