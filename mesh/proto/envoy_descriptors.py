#!/usr/bin/env python3
"""Make a FileDescriptorSet of Envoy's published API from the pinned `xds-protos` wheel.

The wheel holds, for each .proto file, a Python module with the serialized FileDescriptorProto. This script
takes the files that ROOTS names and all they depend on, so that protoc can generate C++ from the published
descriptors (`--descriptor_set_in`) and nothing of the API is transcribed by hand.

  envoy_descriptors.py WHEEL --list              the .proto files, one a line
  envoy_descriptors.py WHEEL --output FILE       write the set
"""
import argparse
import ast
import zipfile

ROOTS = """
envoy/service/discovery/v3/ads.proto
envoy/config/listener/v3/listener.proto
envoy/config/cluster/v3/cluster.proto
envoy/config/endpoint/v3/endpoint.proto
envoy/config/route/v3/route.proto
envoy/config/rbac/v3/rbac.proto
envoy/extensions/filters/listener/original_dst/v3/original_dst.proto
envoy/extensions/filters/listener/original_src/v3/original_src.proto
envoy/extensions/filters/listener/tls_inspector/v3/tls_inspector.proto
envoy/extensions/filters/listener/http_inspector/v3/http_inspector.proto
envoy/extensions/filters/network/tcp_proxy/v3/tcp_proxy.proto
envoy/extensions/filters/network/rbac/v3/rbac.proto
envoy/extensions/filters/network/http_connection_manager/v3/http_connection_manager.proto
envoy/extensions/filters/http/router/v3/router.proto
envoy/extensions/filters/http/rbac/v3/rbac.proto
envoy/extensions/transport_sockets/tls/v3/tls.proto
envoy/extensions/transport_sockets/tls/v3/secret.proto
envoy/extensions/transport_sockets/raw_buffer/v3/raw_buffer.proto
envoy/extensions/transport_sockets/internal_upstream/v3/internal_upstream.proto
envoy/extensions/upstreams/http/v3/http_protocol_options.proto
envoy/extensions/access_loggers/file/v3/file.proto
envoy/extensions/access_loggers/stream/v3/stream.proto
""".split()


def serialized_descriptor(module_source):
    """The bytes literal that the module hands to AddSerializedFile."""
    for node in ast.walk(ast.parse(module_source)):
        if isinstance(node, ast.Call) and getattr(node.func, "attr", "") == "AddSerializedFile":
            return node.args[0].value
    raise ValueError("no serialized descriptor")


def varint(data, at):
    value = shift = 0
    while True:
        byte = data[at]
        at += 1
        value |= (byte & 0x7F) << shift
        shift += 7
        if byte < 0x80:
            return value, at


def encode_varint(value):
    out = bytearray()
    while value >= 0x80:
        out.append(value & 0x7F | 0x80)
        value >>= 7
    out.append(value)
    return bytes(out)


def dependencies(descriptor):
    """Field 3 (`dependency`) of a FileDescriptorProto; every top-level field of it is a varint or has a length."""
    at, found = 0, []
    while at < len(descriptor):
        key, at = varint(descriptor, at)
        if key & 7 == 0:
            _, at = varint(descriptor, at)
            continue
        if key & 7 != 2:
            raise ValueError(f"wire type {key & 7} in a FileDescriptorProto")
        size, at = varint(descriptor, at)
        if key >> 3 == 3:
            found.append(descriptor[at:at + size].decode())
        at += size
    return found


def closure(wheel):
    """{file name: descriptor} of ROOTS and what they need, dependencies first; google/protobuf/* is protoc's own."""
    files = {}

    def visit(name):
        if name in files or name.startswith("google/protobuf/"):
            return
        descriptor = serialized_descriptor(wheel.read(name.removesuffix(".proto") + "_pb2.py"))
        for dependency in dependencies(descriptor):
            visit(dependency)
        files[name] = descriptor

    for root in ROOTS:
        visit(root)
    return files


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("wheel")
    parser.add_argument("--list", action="store_true")
    parser.add_argument("--output")
    args = parser.parse_args()
    with zipfile.ZipFile(args.wheel) as wheel:
        files = closure(wheel)
    if args.list:
        print("\n".join(files))
    if args.output:
        with open(args.output, "wb") as out:
            for descriptor in files.values():
                out.write(b"\x0a" + encode_varint(len(descriptor)) + descriptor)


if __name__ == "__main__":
    main()
