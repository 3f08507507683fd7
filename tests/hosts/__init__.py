"""Real hosts for tests: Debian machines with systemd as PID 1, each with its own address and its own link to cut.

A *lab* is a few such hosts on one machine: systemd-nspawn boots them from one base image, each in its own network
namespace, all of them joined by a bridge inside a further namespace, so nothing touches the machine's own network and
several labs live side by side. Needs root and the Debian packages systemd-container, debootstrap, dbus, openssh-client
and iproute2. By hand:

    python -m tests.hosts.lab up --name demo                       # cloud, edge1, edge2
    ansible-playbook -i "$(python -m tests.hosts.lab inventory --name demo)" playbooks/site.yml
    python -m tests.hosts.lab run --name demo cloud -- systemctl status
    python -m tests.hosts.lab run --name demo cloud -- env KUBECONFIG=/etc/sedna/admin.kubeconfig kubectl get nodes
    python -m tests.hosts.lab exec --name demo -- ping cloud                      # inside the lab's network
    python -m tests.hosts.lab down --name demo

`tests.hosts.labs.Lab` and `tests.hosts.machines.Machine` are the same as objects; the tests here get them as fixtures
(conftest.py) when SEDNA_LAB names a lab on which Sedna is installed. What each module knows: bases the image, cgroups
the processes, networks the links, keys the ways in, machines and insides one host, labs all of them.
"""
