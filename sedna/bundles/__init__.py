"""Bundles: everything that hosts without a network need, in one folder, made on a machine that has one.

    <bundle>/bundle.yml                                what is in it; `sedna.bundles.records`
    <bundle>/wheels/*.whl                              this project, what its services need, and pip; all targets
    <bundle>/wheelhouses/<target>.tar                  those that one target needs, with a requirements.txt of hashes
    <bundle>/images/<NAME>_<TAG>/app.tar.gz            a worker image's code with its requirements.txt and image.yml
    <bundle>/image_wheels/<requirements>/<target>.tar  wheels for the environment of all images that want the same

`playbooks/bundle.yml` runs `python -m sedna.bundles`; the roles sedna_common and sedna_image read what it made. Of
third-party packages it needs PyYAML and packaging, which every machine with ansible-core has, and pip.
"""
