"""LangChain's stores of Pinecone as their package has them: dense and sparse, each way in and out, waiting or not."""

import asyncio

from langchain_core.documents import Document
from langchain_core.embeddings import Embeddings
from langchain_pinecone import PineconeSparseEmbeddings, PineconeSparseVectorStore, PineconeVectorStore
from pinecone import SparseValues

from stores import DIMENSION, KINDS, TEXTS, counts, create, refused, sparse, vector


class Counted(Embeddings):
    def embed_documents(self, texts):
        return [vector(text) for text in texts]

    def embed_query(self, text):
        return vector(text)


class Sparse(PineconeSparseEmbeddings):
    """Never asks the service for an embedding."""

    def embed_documents(self, texts):
        return [self.embed_query(text) for text in texts]

    def embed_query(self, text):
        counted = sparse(text)
        return SparseValues(indices=list(counted), values=list(counted.values()))

    async def aembed_documents(self, texts):
        return self.embed_documents(texts)

    async def aembed_query(self, text):
        return self.embed_query(text)


index = create("langchain", dimension=DIMENSION)
store = PineconeVectorStore(index_name="langchain", embedding=Counted(), namespace="shelf")
metadatas = [{"kind": KINDS[name], "words": len(text.split())} for name, text in TEXTS.items()]


def ids(documents):
    return [document.id for document in documents]


def added():
    given = store.add_texts(list(TEXTS.values()), metadatas=[dict(one) for one in metadatas], ids=list(TEXTS))
    assert given == list(TEXTS), given
    assert counts(index) == {"shelf": 5}, counts(index)
    documents = [Document(page_content=f"number {n} of many", metadata={"n": n}) for n in range(100)]
    made = store.add_documents(documents, namespace="many", batch_size=16)
    assert len(set(made)) == 100 and counts(index)["many"] == 100, counts(index)


def searched():
    found = store.similarity_search("old ship in the harbour", k=2)
    assert ids(found) == ["harbour", "ship"], found
    assert found[1].page_content == TEXTS["ship"], found
    assert found[1].metadata == {"kind": "sea", "words": 6}, found
    scored = store.similarity_search_with_score(TEXTS["bread"], k=5)
    assert abs(scored[0][1] - 1.0) < 1e-5 and scored[0][1] > scored[1][1], scored
    assert [score for _, score in scored] == sorted((score for _, score in scored), reverse=True), scored
    relevant = store.similarity_search_with_relevance_scores(TEXTS["bread"], k=1)
    assert abs(relevant[0][1] - 1.0) < 1e-5, relevant
    assert store.similarity_search("ship", namespace="nowhere") == []


def filtered():
    def found(**conditions):
        return sorted(ids(store.similarity_search("the sea", k=9, filter=conditions)))

    assert found(kind="kitchen") == ["bread", "cake"]
    assert found(words={"$gte": 6}) == ["cake", "ship", "whale"]
    assert found(**{"$and": [{"kind": {"$ne": "kitchen"}}, {"words": {"$in": [5]}}]}) == ["harbour"]
    assert found(kind="garden") == []


def diverse():
    plain = store.max_marginal_relevance_search("a ship in the sea", k=3, fetch_k=5, lambda_mult=1.0)
    other = store.max_marginal_relevance_search("a ship in the sea", k=3, fetch_k=5, lambda_mult=0.0)
    texts = [[document.page_content for document in documents] for documents in (plain, other)]
    assert texts[0][0] == texts[1][0] and texts[0] != texts[1], texts
    retriever = store.as_retriever(search_type="mmr", search_kwargs={"k": 2, "filter": {"kind": "kitchen"}})
    assert {document.metadata["kind"] for document in retriever.invoke("bread")} == {"kitchen"}


def deleted():
    store.delete(ids=["whale", "absent"])
    assert counts(index)["shelf"] == 4, counts(index)
    store.delete(filter={"kind": "kitchen"})
    assert counts(index)["shelf"] == 2, counts(index)
    store.delete(delete_all=True, namespace="many")
    assert counts(index) == {"shelf": 2}, counts(index)
    refused(404, store.delete, delete_all=True, namespace="absent")


def opened_again():
    found = PineconeVectorStore.from_existing_index("langchain", Counted(), namespace="shelf").similarity_search("ship")
    assert sorted(ids(found)) == ["harbour", "ship"], found
    again = PineconeVectorStore.from_texts(
        ["one more", "and another"], Counted(), index_name="langchain", ids=["1", "2"], id_prefix="more"
    )
    assert sorted(again.index.fetch(ids=["more#1", "more#2"]).vectors) == ["more#1", "more#2"]
    assert sum(index.list(prefix="more#"), []) == ["more#1", "more#2"]
    by_host = PineconeVectorStore(host=index.config.host, embedding=Counted())
    assert ids(by_host.similarity_search("one more", k=1)) == ["more#1"]


async def without_waiting():
    async with PineconeVectorStore(index_name="langchain", embedding=Counted(), namespace="later") as later:
        await later.aadd_texts(list(TEXTS.values()), metadatas=[dict(one) for one in metadatas], ids=list(TEXTS))
        assert counts(index)["later"] == 5, counts(index)
        assert ids(await later.asimilarity_search(TEXTS["ship"], k=1)) == ["ship"]
        scored = await later.asimilarity_search_with_score(TEXTS["cake"], k=1, filter={"kind": "kitchen"})
        assert scored[0][0].id == "cake" and abs(scored[0][1] - 1.0) < 1e-5, scored
        assert len(await later.amax_marginal_relevance_search("a ship", k=2, fetch_k=4)) == 2
        await later.adelete(ids=["cake"])
        await later.adelete(filter={"kind": "sea"})
        assert counts(index)["later"] == 1, counts(index)
        await later.adelete(delete_all=True)
        assert "later" not in counts(index), counts(index)
    # Each call has a connection of its own where the store is not held open.
    loose = await PineconeVectorStore.afrom_texts(
        ["a loose leaf"], Counted(), index_name="langchain", namespace="loose", ids=["leaf"]
    )
    assert ids(await loose.asimilarity_search("a leaf")) == ["leaf"]


def sparse_ones():
    words = create("langchain-sparse", metric="dotproduct", vector_type="sparse")
    # The store takes this class alone, whose making asks the service which models it has: the emulator has none.
    sparse_store = PineconeSparseVectorStore(index=words, embedding=Sparse.model_construct())
    sparse_store.add_texts(list(TEXTS.values()), metadatas=[dict(one) for one in metadatas], ids=list(TEXTS))
    scored = sparse_store.similarity_search_with_score("ship", k=5)
    assert sorted(document.id for document, _ in scored) == ["harbour", "ship"], scored
    assert ids(sparse_store.similarity_search("the sea", filter={"kind": "kitchen"})) == []
    assert len(sparse_store.max_marginal_relevance_search("a ship", k=2)) == 2
    sparse_store.delete(ids=["ship"])
    assert ids(sparse_store.similarity_search("ship")) == ["harbour"]


added()
searched()
filtered()
diverse()
deleted()
opened_again()
asyncio.run(without_waiting())
sparse_ones()
