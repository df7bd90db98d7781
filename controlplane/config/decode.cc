#include "controlplane/config/decode.h"

#include <absl/time/time.h>

#include "controlplane/config/decode_kinds.h"
#include "controlplane/config/validate.h"

namespace weft::controlplane {
namespace {

// One document on its way to an object.
class Decoder {
 public:
  Decoder(const Document& document, const DecodeOptions& options) : document_(document), options_(options) {}

  Decoded run() {
    if (identify()) read();
    for (FieldProblem& problem : fields_) {
      result_.problems.push_back({problem.code, document_.origin, problem.position, result_.key,
                                  std::move(problem.field), std::move(problem.message)});
    }
    if (has_errors(fields_)) result_.object.reset();
    return std::move(result_);
  }

 private:
  // Which object it is. False: none that we read.
  bool identify() {
    const Value& root = document_.root;
    if (root.type != Value::Type::kMap) return unrecognised(ProblemCode::kNotAnObject, "", "expected a map");
    Fields fields(&root, "", fields_);
    const std::string api_version = fields.text("apiVersion"), kind = fields.text("kind");
    if (api_version.empty()) return unrecognised(ProblemCode::kNotAnObject, "apiVersion", "missing");
    if (kind.empty()) return unrecognised(ProblemCode::kNotAnObject, "kind", "missing");
    const KindLookup lookup = lookup_kind(api_version, kind);
    switch (lookup.result) {
      case KindLookup::Result::kUnknown:
        return unrecognised(ProblemCode::kUnknownKind, "kind", api_version + ' ' + kind);
      case KindLookup::Result::kWrongVersion:
        return unrecognised(ProblemCode::kUnsupportedVersion, "apiVersion", api_version + ' ' + kind);
      case KindLookup::Result::kKnown:
        add(ProblemCode::kKindNotRead, "kind", kind + ' ' + name_in(fields));
        return false;
      case KindLookup::Result::kRead: break;
    }
    return read_meta(fields, lookup.kind);
  }

  static std::string name_in(Fields& fields) {
    const Value* name = fields.map("metadata").find("name");
    const Value* name_space = fields.map("metadata").find("namespace");
    return (name_space ? name_space->text + '/' : "") + (name ? name->text : "");
  }

  bool read_meta(Fields& root, Kind kind) {
    Fields meta = root.map("metadata");
    meta_.name = meta.text("name");
    if (scope_of(kind) == Scope::kNamespaced) {
      meta_.name_space = meta.text("namespace");
      if (auto wrong = check_label_name(meta_.name_space)) return nameless(meta, "namespace", *wrong);
    }
    if (auto wrong = check_name(kind, meta_.name)) return nameless(meta, "name", *wrong);
    const ObjectKey key{kind, meta_.name_space, meta_.name};
    meta_.uid = meta.text("uid");
    meta_.labels = meta.text_map("labels");
    meta_.annotations = meta.text_map("annotations");
    meta_.being_deleted = meta.find("deletionTimestamp") != nullptr;
    const std::string created = meta.text("creationTimestamp");
    absl::Time time;
    std::string wrong;
    if (created.empty()) {
      meta_.creation_unix_ns = options_.creation_unix_ns ? options_.creation_unix_ns(key) : 0;
    } else if (absl::ParseTime(absl::RFC3339_full, created, &time, &wrong)) {
      meta_.creation_unix_ns = absl::ToUnixNanos(time);
    } else {
      meta.report(ProblemCode::kInvalid, "creationTimestamp", "expected a time as in RFC 3339, got \"" + created + '"');
    }
    result_.key = key;
    return true;
  }

  bool nameless(const Fields& meta, const std::string& field, std::string wrong) {
    result_.unrecognised = true;
    if (!has_errors(fields_)) {  // else its type was wrong, which has been said
      add(ProblemCode::kNotAnObject, "metadata." + field, meta.find(field) ? std::move(wrong) : "missing");
    }
    return false;
  }

  static Wrong check_name(Kind kind, const std::string& name) {
    if (kind == Kind::kNamespace) return check_label_name(name);
    if (kind == Kind::kService) return check_service_name(name);
    return check_subdomain_name(name);
  }

  void read() {
    const Value& value = document_.root;
    Fields root(&value, "", fields_);
    switch (result_.key->kind) {
      case Kind::kNamespace: return set(read_namespace(std::move(meta_)));
      case Kind::kServiceAccount: return set(read_service_account(std::move(meta_)));
      case Kind::kNode: return set(read_node(std::move(meta_), root));
      case Kind::kPod: return set(read_pod(std::move(meta_), root));
      case Kind::kService: return set(read_service(std::move(meta_), root));
      case Kind::kEndpointSlice: return set(read_endpoint_slice(std::move(meta_), root));
      case Kind::kSecret: return set(read_secret(std::move(meta_), root));
      case Kind::kConfigMap: return read_map(root);
      case Kind::kPeerAuthentication: return guard(read_peer_authentication(std::move(meta_), value, fields_));
      case Kind::kAuthorizationPolicy: return guard(read_authorization_policy(std::move(meta_), value, fields_));
    }
  }

  void read_map(Fields& root) {
    k8s::ConfigMap map = read_config_map(std::move(meta_), root);
    const Value* mesh = root.map("data").find("mesh");
    if (*result_.key == options_.mesh_config_map) {
      result_.guards = true;
      map.mesh = std::make_shared<MeshConfig>(read_mesh_config(mesh ? *mesh : Value(), fields_));
    }
    set(std::move(map));
  }

  template <typename T>
  void set(T value) {
    result_.object = std::make_shared<const T>(std::move(value));
  }

  template <typename T>
  void guard(T value) {
    result_.guards = true;
    set(std::move(value));
  }

  bool unrecognised(ProblemCode code, const std::string& path, std::string message) {
    add(code, path, std::move(message));
    result_.unrecognised = true;
    return false;
  }

  void add(ProblemCode code, const std::string& path, std::string message) {
    fields_.push_back({code, locate(document_.root, path), path, std::move(message)});
  }

  const Document& document_;
  const DecodeOptions& options_;
  ObjectMeta meta_;
  FieldProblems fields_;
  Decoded result_;
};

}  // namespace

Decoded decode(const Document& document, const DecodeOptions& options) { return Decoder(document, options).run(); }

}  // namespace weft::controlplane
