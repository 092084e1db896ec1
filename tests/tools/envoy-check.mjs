// SPDX-License-Identifier: GPL-3.0-or-later
// Are these objects what Envoy's own definitions accept: every field there, of the right type, no
// two of a oneof, every @type known? Reads the JSON of a dump command from standard input:
//
//   h3gw listeners --config FILE --json | node tests/tools/envoy-check.mjs FOLDER listeners
//
// FOLDER is where `npm install @grpc/grpc-js-xds protobufjs` was run; tests/README.md tells more.
import fs from "fs"; import path from "path"; import { createRequire } from "module";
const modules = path.resolve(process.argv[2], "node_modules");
const protobuf = createRequire(modules + "/")("protobufjs");
const deps = modules + "/@grpc/grpc-js-xds/deps";
const roots = ["envoy-api","googleapis","protoc-gen-validate","xds"].map(d=>path.join(deps,d));
const own = modules + "/protobufjs";
const root = new protobuf.Root();
root.resolvePath = (o,t)=>{ for (const r of [...roots, own]) { const p=path.join(r,t); if (fs.existsSync(p)) return p; } return protobuf.common.get(t)?t:null; };
const P="envoy/extensions/";
root.loadSync(["envoy/config/listener/v3/listener.proto","envoy/config/route/v3/route.proto","envoy/config/cluster/v3/cluster.proto","envoy/admin/v3/config_dump.proto",
 P+"filters/network/http_connection_manager/v3/http_connection_manager.proto",P+"filters/network/tcp_proxy/v3/tcp_proxy.proto",P+"filters/http/router/v3/router.proto",P+"filters/listener/tls_inspector/v3/tls_inspector.proto",
 P+"transport_sockets/tls/v3/tls.proto",P+"transport_sockets/tls/v3/secret.proto",P+"transport_sockets/quic/v3/quic_transport.proto",P+"upstreams/http/v3/http_protocol_options.proto"]);
root.resolveAll();
let n=0, bad=0; const no=(w,m)=>{bad++;console.log(w+": "+m)};
const wraps={BoolValue:"boolean",UInt32Value:"number",UInt64Value:"number",StringValue:"string"};
function walk(type,o,where){ n++;
  const fn=type.fullName.slice(1);
  if (fn==="google.protobuf.Duration"){ if(!/^\d+(\.\d{3,9})?s$/.test(o)) no(where,"no duration "+o); return; }
  const m=/^google\.protobuf\.(\w+Value)$/.exec(fn); if(m&&wraps[m[1]]){ if(typeof o!==wraps[m[1]]) no(where,"want "+wraps[m[1]]); return; }
  if (fn==="google.protobuf.Struct") return;
  if (fn==="google.protobuf.Any"){ const t=root.lookupType(o["@type"].replace("type.googleapis.com/","")); const {["@type"]:_,...rest}=o; return walk(t,rest,where+"<"+t.name+">"); }
  if (typeof o!=="object"||Array.isArray(o)) return no(where,"want object "+fn);
  const ones={};
  for (const [k,v] of Object.entries(o)) { const f=type.fields[k]||Object.values(type.fields).find(f=>protobuf.util.camelCase(f.name)===k);
    if(!f){ no(where,"no field "+k+" in "+fn); continue;} f.resolve();
    if(f.partOf){ if(ones[f.partOf.name]) no(where,"two of oneof "+f.partOf.name); ones[f.partOf.name]=1; }
    const one=(x,w)=>{ const t=f.resolvedType; if(t instanceof protobuf.Enum){ if(!(x in t.values)) no(w,"no enum value "+x);} else if(t) walk(t,x,w);
      else if(f.type==="string"){ if(typeof x!=="string") no(w,"want string"); } else if(f.type==="bool"){ if(typeof x!=="boolean") no(w,"want bool"); }
      else if(f.type==="bytes"){ if(Buffer.from(x,"base64").toString("base64")!==x) no(w,"no base64"); } else if(/int|fixed|double|float/.test(f.type)){ if(typeof x!=="number") no(w,"want number "+f.type);} else no(w,"? "+f.type); };
    if(f.map){ for(const [kk,x] of Object.entries(v)) one(x,where+"."+k+"["+kk+"]"); } else if(f.repeated){ if(!Array.isArray(v)) no(where+"."+k,"want array"); else v.forEach((x,i)=>one(x,where+"."+k+"["+i+"]")); } else one(v,where+"."+k); } }
const kind=process.argv[3], o=JSON.parse(fs.readFileSync(0,"utf8"));
const T={listeners:"envoy.config.listener.v3.Listener",routes:"envoy.config.route.v3.RouteConfiguration",upstreams:"envoy.config.cluster.v3.Cluster",certs:"envoy.admin.v3.SecretsConfigDump"}[kind];
(Array.isArray(o)?o:[o]).forEach((x,i)=>walk(root.lookupType(T),x,kind+"["+i+"]"));
console.log(kind, n+" objects", bad?bad+" WRONG":"fine"); process.exit(bad?1:0);
