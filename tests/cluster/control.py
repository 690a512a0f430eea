"""The commands of the control plane, its certificate and its users.

Called by `tests.cluster.keeper`. One certificate, signed by itself, is enough: clients trust
exactly it.
"""

import json
import secrets
from dataclasses import dataclass, field
from pathlib import Path

from tests.cluster.binaries import program
from tests.cluster.network import NODE, Network, inside, run

PORT = 6443
ADMIN = "admin"
GROUPS = {ADMIN: "system:masters"}
AUDIT = "audit.log"
AUDITED = {
    "apiVersion": "audit.k8s.io/v1",
    "kind": "Policy",
    "omitStages": ["RequestReceived"],
    "rules": [
        {"level": "Metadata", "userGroups": ["system:serviceaccounts"]},
        {"level": "None"},
    ],
}
"""What pods ask for as their service accounts, and whether they may."""


@dataclass
class Control:
    """Where a session keeps what its control plane needs."""

    folder: Path
    state: Path
    network: Network
    tokens: dict[str, str] = field(default_factory=dict[str, str])

    @property
    def server(self) -> str:
        return f"https://{self.network.node}:{PORT}"

    @property
    def certificate(self) -> Path:
        return self.folder / "ca.crt"

    @property
    def key(self) -> Path:
        return self.folder / "ca.key"

    @property
    def kubeconfig(self) -> Path:
        return self.folder / "kubeconfig"

    async def prepare(self, users: dict[str, str]) -> None:
        """Write the certificate, the users (name -> group) and their kubeconfig files."""
        net = self.network
        names = [f"IP:{each}" for each in (net.node, net.outside, net.first_service, "127.0.0.1")]
        names += ["DNS:kubernetes.default.svc", "DNS:kubernetes", "DNS:localhost"]
        await run(
            *("openssl", "req", "-x509", "-nodes", "-days", "30", "-subj", "/CN=serinus-cluster"),
            *("-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256"),
            *("-addext", f"subjectAltName={','.join(names)}"),
            *("-keyout", str(self.key), "-out", str(self.certificate)),
        )
        rows: list[str] = []
        for user, group in (GROUPS | users).items():
            token = self.tokens[user] = secrets.token_hex(16)
            rows.append(f"{token},{user},{user},{group}\n")
            self._kubeconfig(user, token)
        self._tokens.write_text("".join(rows))
        self._audited.write_text(json.dumps(AUDITED))
        (self.folder / "token").write_text(self.tokens[ADMIN])

    @property
    def _tokens(self) -> Path:
        return self.folder / "tokens.csv"

    @property
    def _audited(self) -> Path:
        return self.folder / "audit.json"

    def _kubeconfig(self, user: str, token: str) -> None:
        cluster = {"server": self.server, "certificate-authority": str(self.certificate)}
        shown = {
            "apiVersion": "v1",
            "kind": "Config",
            "current-context": "serinus",
            "clusters": [{"name": "serinus", "cluster": cluster}],
            "users": [{"name": user, "user": {"token": token}}],
            "contexts": [{"name": "serinus", "context": {"cluster": "serinus", "user": user}}],
        }
        path = self.kubeconfig if user == ADMIN else self.folder / f"kubeconfig-{user}"
        path.write_text(json.dumps(shown, indent=2))

    def etcd(self) -> list[str]:
        peer, client = "http://127.0.0.1:2380", "http://127.0.0.1:2379"
        return inside(
            NODE,
            str(program("etcd")),
            "--unsafe-no-fsync",
            "--log-level=warn",
            f"--data-dir={self.state / 'etcd'}",
            f"--listen-client-urls={client}",
            f"--advertise-client-urls={client}",
            f"--listen-peer-urls={peer}",
            f"--initial-advertise-peer-urls={peer}",
            f"--initial-cluster=default={peer}",
        )

    def apiserver(self) -> list[str]:
        return inside(
            NODE,
            str(program("kube-apiserver")),
            "--etcd-servers=http://127.0.0.1:2379",
            f"--advertise-address={self.network.node}",
            "--bind-address=0.0.0.0",
            f"--secure-port={PORT}",
            f"--tls-cert-file={self.certificate}",
            f"--tls-private-key-file={self.key}",
            f"--token-auth-file={self._tokens}",
            "--authorization-mode=RBAC",
            f"--service-cluster-ip-range={self.network.services}",
            "--service-account-issuer=https://kubernetes.default.svc",
            f"--service-account-key-file={self.certificate}",
            f"--service-account-signing-key-file={self.key}",
            f"--audit-policy-file={self._audited}",
            f"--audit-log-path={self.folder / 'logs' / AUDIT}",
            "--allow-privileged=true",
            "--kubelet-preferred-address-types=InternalIP",
            "--shutdown-delay-duration=0s",
        )

    def controllers(self) -> list[str]:
        return inside(
            NODE,
            str(program("kube-controller-manager")),
            f"--kubeconfig={self.kubeconfig}",
            "--leader-elect=false",
            f"--service-account-private-key-file={self.key}",
            f"--root-ca-file={self.certificate}",
            "--controllers=*,-node-lifecycle-controller,-node-ipam-controller",
            "--kube-api-qps=200",
            "--kube-api-burst=400",
        )

    def proxy(self) -> list[str]:
        return inside(
            NODE,
            str(program("kube-proxy")),
            f"--kubeconfig={self.kubeconfig}",
            f"--hostname-override={NODE}",
            "--proxy-mode=iptables",
            "--iptables-min-sync-period=100ms",
            f"--cluster-cidr={self.network.pods}",
            "--conntrack-max-per-core=0",
        )
